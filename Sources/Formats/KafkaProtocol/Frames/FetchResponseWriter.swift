public import Bytes

/// Writes a ``FetchResponse`` whose records go from where they are stored straight into the output.
///
/// The frame is the one that ``KafkaFrame/append(_:correlationId:version:to:)`` would make of the
/// same response; only the records are not held in arrays of their own first. Counts come before
/// what they count, so the caller says how many topics, partitions and record bytes will follow,
/// and keeps to it:
///
///     var response = FetchResponseWriter(
///         FetchResponse(), topicCount: 1, correlationId: 7, version: 12, writer: consume output)
///     response.beginTopic(topic, partitionCount: 1)
///     response.beginPartition(partition, recordsByteCount: batch.byteCount)
///     response.appendRecords(batch)
///     output = response.finish()
///
/// Records that are sent from elsewhere, such as a file, are left out with ``leaveOutRecords(byteCount:)`` and counted all the same;
/// ``finishInParts()`` then gives what goes before, between and behind them.
///
/// Budget: each record byte is copied once, or not at all; no allocation but the growth of the output.
public struct FetchResponseWriter: ~Copyable {
    private let version: Int16
    private let isFlexible: Bool
    private let frameStart: Int
    private var writer: ByteWriter
    private var topicsLeft: Int
    private var partitionsLeft = 0
    private var recordBytesLeft = 0
    /// Where in the output records are left out.
    private var gaps: [Int] = []
    private var leftOutByteCount = 0
    // What has been begun; its tagged fields are still to come, behind what it holds.
    private var response: FetchResponse
    private var topic: FetchResponse.FetchableTopicResponse?
    private var partition: FetchResponse.PartitionData?

    /// Opens a response frame behind what is already in `writer`; `response` comes without its
    /// topics. If the caller keeps a copy of `writer`, the first byte written copies all of it.
    public init(
        _ response: FetchResponse, topicCount: Int, correlationId: Int32, version: Int16,
        writer: consuming ByteWriter
    ) {
        precondition(response.responses.isEmpty, "topics are begun one by one")
        self.version = version
        isFlexible = APIKey.fetch.isFlexible(version)
        self.response = response
        topicsLeft = topicCount
        frameStart = KafkaFrame.begin(in: &writer)
        self.writer = writer
        ResponseHeader(correlationId: correlationId)
            .encode(into: &self.writer, api: .fetch, version: version)
        appendFields(of: response, countAtEnd: topicCount)
    }

    /// Opens the next topic; `topic` comes without its partitions.
    public mutating func beginTopic(
        _ topic: FetchResponse.FetchableTopicResponse, partitionCount: Int
    ) {
        endTopic()
        precondition(topicsLeft > 0, "more topics than were announced")
        precondition(topic.partitions.isEmpty, "partitions are begun one by one")
        topicsLeft -= 1
        partitionsLeft = partitionCount
        self.topic = topic
        appendFields(of: topic, countAtEnd: partitionCount)
    }

    /// Opens the next partition of the topic; `partition` comes without its records.
    public mutating func beginPartition(
        _ partition: FetchResponse.PartitionData, recordsByteCount: Int
    ) {
        endPartition()
        precondition(partitionsLeft > 0, "more partitions than were announced")
        precondition(partition.records == nil, "records are appended apart")
        partitionsLeft -= 1
        recordBytesLeft = recordsByteCount
        self.partition = partition
        appendFields(of: partition, countAtEnd: recordsByteCount)
    }

    /// Appends the next of the partition's records: whole batches, or parts of one.
    public mutating func appendRecords(_ bytes: RawSpan) {
        precondition(bytes.byteCount <= recordBytesLeft, "more records than were announced")
        recordBytesLeft -= bytes.byteCount
        writer.append(bytes)
    }

    /// The next of the partition's records, so many bytes, come from elsewhere.
    public mutating func leaveOutRecords(byteCount: Int) {
        precondition(byteCount <= recordBytesLeft, "more records than were announced")
        recordBytesLeft -= byteCount
        leftOutByteCount += byteCount
        gaps.append(writer.count)
    }

    /// Closes the frame.
    public consuming func finish() -> ByteWriter {
        precondition(gaps.isEmpty, "what was left out has its place between parts")
        end()
        return writer
    }

    /// Closes the frame.
    ///
    /// - Returns: the bytes before the first records that were left out, those between them and the next, and so on to
    ///   those behind the last.
    public consuming func finishInParts() -> [[UInt8]] {
        end()
        guard !gaps.isEmpty else { return [writer.bytes] }
        let all = writer.bytes
        var start = 0
        return (gaps + [all.count]).map { end in
            defer { start = end }
            return Array(all[start..<end])
        }
    }

    private mutating func end() {
        endTopic()
        precondition(topicsLeft == 0, "\(topicsLeft) topics were announced and did not come")
        appendTaggedFields(of: response)
        KafkaFrame.end(frameStart, in: &writer, leftOutByteCount: leftOutByteCount)
    }

    private mutating func endTopic() {
        endPartition()
        precondition(
            partitionsLeft == 0, "\(partitionsLeft) partitions were announced and did not come")
        if let topic { appendTaggedFields(of: topic) }
        topic = nil
    }

    private mutating func endPartition() {
        precondition(
            recordBytesLeft == 0, "\(recordBytesLeft) record bytes were announced and did not come")
        if let partition { appendTaggedFields(of: partition) }
        partition = nil
    }

    /// Appends the fields of `value`. The last of them is the one that the caller appends: it is
    /// still empty, and its count of nothing gives way to `count`.
    private mutating func appendFields<Value: KafkaStruct>(
        of value: Value, countAtEnd count: Int
    ) {
        let isFlexible = isFlexible
        withEncoder { encoder in
            var value = value
            value.walk(&encoder)
            encoder.writer.bytes.removeLast(isFlexible ? 1 : 4)
            encoder.byteCount(count)
        }
    }

    private mutating func appendTaggedFields<Value: KafkaStruct>(of value: Value) {
        withEncoder { encoder in
            var value = value
            encoder.taggedFields(of: &value)
        }
    }

    private mutating func withEncoder(_ body: (inout KafkaEncoder) -> Void) {
        var taken = ByteWriter()
        swap(&taken, &writer)
        var encoder = KafkaEncoder(
            consume taken, frame: RawSpan(), version: version, isFlexible: isFlexible)
        body(&encoder)
        swap(&encoder.writer, &writer)
    }
}
