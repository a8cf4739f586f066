import Bytes
import KafkaProtocol
import Testing

@Suite struct FetchResponseWriterTests {
    @Test(arguments: APIKey.fetch.versions!)
    func `a streamed response is, byte for byte, the one made from arrays`(version: Int16) {
        for seed in 0..<50 as Range<UInt64> {
            var filler = MessageFiller(
                version: version, isFlexible: APIKey.fetch.isFlexible(version), seed: seed)
            var response = FetchResponse()
            filler.structure(&response)
            var expected = ByteWriter()
            expected.append([1, 2, 3])
            // The writer always has records, if only none.
            for topic in response.responses.indices {
                for partition in response.responses[topic].partitions.indices {
                    response.responses[topic].partitions[partition].records =
                        response.responses[topic].partitions[partition].records ?? []
                }
            }
            KafkaFrame.append(response, correlationId: 77, version: version, to: &expected)
            #expect(streamed(response, version: version) == expected.bytes)
            #expect(joined(response, version: version) == expected.bytes)
        }
    }

    /// The same where every other partition's records come from elsewhere.
    private func joined(_ response: FetchResponse, version: Int16) -> [UInt8] {
        var before = ByteWriter()
        before.append([1, 2, 3])
        var head = response
        head.responses = []
        var writer = FetchResponseWriter(
            head, topicCount: response.responses.count, correlationId: 77, version: version,
            writer: before)
        var leftOut: [[UInt8]] = []
        for topic in response.responses {
            var head = topic
            head.partitions = []
            writer.beginTopic(head, partitionCount: topic.partitions.count)
            for (index, partition) in topic.partitions.enumerated() {
                var head = partition
                head.records = nil
                let records = partition.records ?? []
                writer.beginPartition(head, recordsByteCount: records.count)
                if index % 2 == 0 {
                    // The first half lies elsewhere, in two pieces.
                    for piece in [records.prefix(records.count / 4), records[records.count / 4..<records.count / 2]] {
                        writer.leaveOutRecords(byteCount: piece.count)
                        leftOut.append(Array(piece))
                    }
                    writer.appendRecords(Array(records[(records.count / 2)...]).span.bytes)
                } else {
                    writer.appendRecords(records.span.bytes)
                }
            }
        }
        let parts = writer.finishInParts()
        guard parts.count == leftOut.count + 1 else { return [] }
        return zip(parts, leftOut + [[]]).flatMap { $0 + $1 }
    }

    private func streamed(_ response: FetchResponse, version: Int16) -> [UInt8] {
        var before = ByteWriter()
        before.append([1, 2, 3])
        var head = response
        head.responses = []
        var writer = FetchResponseWriter(
            head, topicCount: response.responses.count, correlationId: 77, version: version,
            writer: before)
        for topic in response.responses {
            var head = topic
            head.partitions = []
            writer.beginTopic(head, partitionCount: topic.partitions.count)
            for partition in topic.partitions {
                var head = partition
                head.records = nil
                let records = partition.records ?? []
                writer.beginPartition(head, recordsByteCount: records.count)
                let bytes = records.span.bytes
                writer.appendRecords(bytes.extracting(first: records.count / 2))
                writer.appendRecords(bytes.extracting(droppingFirst: records.count / 2))
            }
        }
        return writer.finish().bytes
    }
}
