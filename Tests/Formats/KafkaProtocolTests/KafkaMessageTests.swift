import Bytes
import KafkaProtocol
import Model
import Testing

@Suite struct KafkaMessageTests {
    @Test(arguments: MessageCase.all)
    func `a message that was written is read as it was`(message: MessageCase) throws {
        for seed in 0..<20 as Range<UInt64> {
            let body = message.filled(seed: seed)
            #expect(try message.again(body) == body)
        }
    }

    @Test func `records stay in the frame and are found by their place`() throws {
        let head: [UInt8] = [0, 0, 0, 0, 9, 9]
        // null transactional id, acks -1, timeout 5, one topic "t", one partition 3, four bytes
        let body: [UInt8] = [
            0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 5, 0, 0, 0, 1, 0, 1, 0x74, 0, 0, 0, 1, 0, 0, 0, 3, 0,
            0, 0, 4,
            1, 2, 3, 4,
        ]
        let frame = head + body
        var reader = ByteReader(frame.span.bytes)
        try reader.skip(head.count)
        let request = try ProduceRequest(decoding: &reader, version: 7)
        let partition = try #require(request.topicData.first?.partitionData.first)
        #expect(request.acks == -1 && request.topicData[0].name == "t" && partition.index == 3)
        #expect(Array(frame[try #require(partition.records)]) == [1, 2, 3, 4])
    }

    /// Source: librdkafka 2.16, whose Metadata request v13 is three bytes longer than its fields.
    @Test func `bytes behind a body are left alone`() throws {
        let body = encoded(MetadataRequest(), version: 13) + [1, 2, 3]
        var reader = ByteReader(body.span.bytes)
        let request = try MetadataRequest(decoding: &reader, version: 13)
        #expect(request == MetadataRequest())
        let left = reader.remaining
        #expect(left == 3)
    }

    /// Source: KIP-482.
    @Test func `tagged fields that nobody knows are skipped`() throws {
        // ApiVersions v3: error 0, no keys, throttle 0, then tags 1 (epoch 7), 5 and 1000
        let body: [UInt8] = [
            0, 0, 1, 0, 0, 0, 0, 3, 1, 8, 0, 0, 0, 0, 0, 0, 0, 7, 5, 0, 0xE8, 7, 2, 0xAA, 0xBB,
        ]
        let response = try decoded(ApiVersionsResponse.self, body, version: 3)
        #expect(response.finalizedFeaturesEpoch == 7)
        #expect(
            encoded(response, version: 3) == [0, 0, 1, 0, 0, 0, 0, 1, 1, 8, 0, 0, 0, 0, 0, 0, 0, 7])
    }

    @Test(arguments: [7, 9] as [UInt8])
    func `a tagged field that is not as long as it says is refused`(size: UInt8) {
        let body: [UInt8] = [
            0, 0, 1, 0, 0, 0, 0, 1, 1, size, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0,
        ]
        #expect(throws: MalformedBytes.badLength(Int(size))) {
            try decoded(ApiVersionsResponse.self, body, version: 3)
        }
    }

    @Test func `a tagged field that has its default is not sent`() {
        var response = FetchResponse()
        response.nodeEndpoints = [FetchResponse.NodeEndpoint { $0.host = "h" }]
        #expect(encoded(FetchResponse(), version: 16).last == 0)
        let tail: [UInt8] = [1, 0, 13, 2, 0, 0, 0, 0, 2, 0x68, 0, 0, 0, 0, 0, 0]
        #expect(encoded(response, version: 16).suffix(tail.count) == tail[...])
    }

    @Test func `a null is written as an empty value where the version has no null`() {
        let topic = MetadataResponse.MetadataResponseTopic { $0.errorCode = .unknownTopicId }
        let response = MetadataResponse { $0.topics = [topic] }
        // No brokers, one topic: error 100, name, no partitions
        #expect(
            encoded(response, version: 0) == [0, 0, 0, 0, 0, 0, 0, 1, 0, 100, 0, 0, 0, 0, 0, 0])
    }

    @Test func `a text beyond the protocol's limit is cut at the end of a character`() throws {
        let text = "xy" + String(repeating: "€", count: 11_000)
        let response = CreatePartitionsResponse {
            $0.results = [
                CreatePartitionsResponse.CreatePartitionsTopicResult { $0.errorMessage = text }
            ]
        }
        for version in 0...3 as ClosedRange<Int16> {
            let body = encoded(response, version: version)
            #expect(response.byteCount(version: version) == body.count)
            let back = try decoded(CreatePartitionsResponse.self, body, version: version)
            let message = try #require(back.results[0].errorMessage)
            #expect(message.utf8.count == 2 + 3 * 10_921 && text.hasPrefix(message))
        }
    }

    /// Version 3 of DeleteGroups is Kafka 4.4's and newer than the other judge.
    @Test func `a group that was not deleted says why, from version 3`() throws {
        let response = DeleteGroupsResponse {
            $0.results = [
                DeleteGroupsResponse.DeletableGroupResult {
                    $0.groupId = "g"
                    $0.errorCode = .nonEmptyGroup
                    $0.errorMessage = "no"
                }
            ]
        }
        #expect(encoded(response, version: 2) == [0, 0, 0, 0, 2, 2, 0x67, 0, 68, 0, 0])
        let body: [UInt8] = [0, 0, 0, 0, 2, 2, 0x67, 0, 68, 3, 0x6E, 0x6F, 0, 0]
        #expect(encoded(response, version: 3) == body)
        #expect(try decoded(DeleteGroupsResponse.self, body, version: 3) == response)
        let request = DeleteGroupsRequest { $0.groupsNames = ["g"] }
        #expect(encoded(request, version: 3) == [2, 2, 0x67, 0])
    }

    @Test func `an error code from the future reads as an unknown error`() throws {
        let response = try decoded(HeartbeatResponse.self, [0x7F, 0], version: 0)
        #expect(response.errorCode == .unknownServerError)
    }

    @Test func `a dump shows the fields that the version has`() {
        let response = ApiVersionsResponse {
            $0.apiKeys = [ApiVersionsResponse.ApiVersion { $0.maxVersion = 4 }]
            $0.finalizedFeaturesEpoch = 3
        }
        #expect(
            response.dump(version: 0)
                == "{ErrorCode: NONE, ApiKeys: [{ApiKey: 0, MinVersion: 0, MaxVersion: 4}]}")
        #expect(
            response.dump(version: 3)
                == "{ErrorCode: NONE, ApiKeys: [{ApiKey: 0, MinVersion: 0, MaxVersion: 4}], "
                + "ThrottleTimeMs: 0, FinalizedFeaturesEpoch: 3}")
    }
}
