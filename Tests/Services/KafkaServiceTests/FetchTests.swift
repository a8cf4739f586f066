import KafkaProtocol
import KafkaService
import Model
import Testing

/// Kafka reference 5.
@Suite struct FetchTests {
    let server: KafkaTestServer
    let client: KafkaTestClient

    init() throws {
        server = try KafkaTestServer()
        client = KafkaTestClient(server)
        _ = try client.createTopic("t")
    }

    @Test func `a fetch waits for enough bytes`() throws {
        defer { server.stop() }
        let reader = KafkaTestClient(server)
        let first = batch(["one"])
        let second = batch(["two"])
        reader.send(
            KafkaTestClient.fetchRequest(
                "t", 0, maxWait: 10_000, minBytes: Int32(first.count + second.count)), 12)
        #expect(reader.isQuiet(milliseconds: 100))
        _ = try client.produce("t", first)
        #expect(reader.isQuiet(milliseconds: 100))
        _ = try client.produce("t", second)
        let (_, response) = try reader.receive(FetchResponse.self, 12)
        #expect(try values(response.responses[0].partitions[0].records) == ["one", "two"])
    }

    @Test func `a fetch whose time is up is answered with what is there`() throws {
        defer { server.stop() }
        _ = try client.produce("t", batch(["one"]))
        let data = try client.fetch(
            KafkaTestClient.fetchRequest("t", 0, maxWait: 100, minBytes: 1_000))
        #expect(try values(data.records) == ["one"])
        #expect(try client.fetch(KafkaTestClient.fetchRequest("t", 1, maxWait: 100)).records == [])
    }

    @Test func `a waiting fetch learns that its topic is gone`() throws {
        defer { server.stop() }
        let reader = KafkaTestClient(server)
        reader.send(KafkaTestClient.fetchRequest("t", 0, maxWait: 10_000), 12)
        #expect(reader.isQuiet(milliseconds: 100))
        var request = DeleteTopicsRequest()
        request.topicNames = ["t"]
        let deleted: DeleteTopicsResponse = try client.ask(request, 5)
        #expect(deleted.responses[0].errorCode == .none)
        let (_, response) = try reader.receive(FetchResponse.self, 12)
        #expect(response.responses[0].partitions[0].errorCode == .unknownTopicOrPartition)
    }

    @Test func `a client that hangs up while it waits leaves nothing behind`() throws {
        defer { server.stop() }
        for _ in 0..<20 {
            let reader = KafkaTestClient(server)
            reader.send(KafkaTestClient.fetchRequest("t", 0, maxWait: 200), 12)
        }
        #expect(try client.produce("t", batch(["one"])).errorCode == .none)
        let data = try client.fetch(KafkaTestClient.fetchRequest("t", 0, maxWait: 100))
        #expect(try values(data.records) == ["one"])
    }

    @Test func `offsets outside the log are out of range, the end is not`() throws {
        defer { server.stop() }
        _ = try client.produce("t", batch(["one"]))
        for offset in [Int64(-1), 2, .max, .min] {
            let data = try client.fetch(KafkaTestClient.fetchRequest("t", offset, maxWait: 1_000))
            #expect(data.errorCode == .offsetOutOfRange)
            #expect(data.highWatermark == 1)
            #expect(data.logStartOffset == 0)
        }
        #expect(try client.fetch(KafkaTestClient.fetchRequest("t", 1)).errorCode == .none)
    }

    @Test func `limits cut between batches, but the first batch comes whole`() throws {
        defer { server.stop() }
        let one = batch(["one"])
        for value in ["one", "two", "six"] { _ = try client.produce("t", batch([value])) }
        let tiny = try client.fetch(
            KafkaTestClient.fetchRequest("t", 0, maxBytes: 1, partitionBytes: 1))
        #expect(try values(tiny.records) == ["one"])
        let two = try client.fetch(
            KafkaTestClient.fetchRequest("t", 1, partitionBytes: Int32(2 * one.count)))
        #expect(try values(two.records) == ["two", "six"])
        let cut = try client.fetch(
            KafkaTestClient.fetchRequest("t", 0, partitionBytes: Int32(2 * one.count + 5)))
        #expect(try values(cut.records) == ["one", "two"])
    }

    @Test func `a fetch in the middle of a batch gets all of it`() throws {
        defer { server.stop() }
        _ = try client.produce("t", batch(["a", "b", "c"]))
        let data = try client.fetch(KafkaTestClient.fetchRequest("t", 1))
        #expect(try values(data.records) == ["a", "b", "c"])
    }

    @Test func `sessions are refused and full fetches go on`() throws {
        defer { server.stop() }
        _ = try client.produce("t", batch(["one"]))
        var request = KafkaTestClient.fetchRequest("t", 0)
        request.sessionEpoch = 0
        let opened: FetchResponse = try client.ask(request, 12)
        #expect(opened.sessionId == 0)
        #expect(opened.responses.count == 1)
        request.sessionId = 77
        request.sessionEpoch = 3
        let unknown: FetchResponse = try client.ask(request, 12)
        #expect(unknown.errorCode == .fetchSessionIdNotFound)
        request.sessionId = 0
        let wrong: FetchResponse = try client.ask(request, 12)
        #expect(wrong.errorCode == .invalidFetchSessionEpoch)
        #expect(wrong.responses.isEmpty)
    }

    @Test func `topics go by id from version 13 on`() throws {
        defer { server.stop() }
        _ = try client.produce("t", batch(["one"]))
        let metadata: MetadataResponse = try client.ask(MetadataRequest(), 12)
        let id = metadata.topics[0].topicId
        #expect(id != .none)
        var request = KafkaTestClient.fetchRequest("", 0)
        request.topics[0].topicId = id
        let response: FetchResponse = try client.ask(request, 16)
        #expect(response.responses[0].topicId == id)
        #expect(try values(response.responses[0].partitions[0].records) == ["one"])
        request.topics[0].topicId = TopicID(high: 1, low: 2)
        let unknown: FetchResponse = try client.ask(request, 16)
        #expect(unknown.responses[0].partitions[0].errorCode == .unknownTopicId)
    }

    @Test func `a leader epoch that is not ours is refused`() throws {
        defer { server.stop() }
        var request = KafkaTestClient.fetchRequest("t", 0)
        request.topics[0].partitions[0].currentLeaderEpoch = 0
        #expect(try client.fetch(request).errorCode == .none)
        request.topics[0].partitions[0].currentLeaderEpoch = 1
        #expect(try client.fetch(request).errorCode == .unknownLeaderEpoch)
    }

    @Test func `offsets are found by time, and by what negative times mean`() throws {
        defer { server.stop() }
        _ = try client.produce("t", batch(["a", "b"], timestamp: 1_000))
        _ = try client.produce("t", batch(["c"], timestamp: 3_000))
        _ = try client.produce("t", batch(["d"], timestamp: 2_000))
        func find(_ timestamp: Int64, _ version: Int16 = 11) throws
            -> ListOffsetsResponse.ListOffsetsPartitionResponse
        {
            var partition = ListOffsetsRequest.ListOffsetsPartition()
            partition.timestamp = timestamp
            var topic = ListOffsetsRequest.ListOffsetsTopic()
            topic.name = "t"
            topic.partitions = [partition]
            var request = ListOffsetsRequest()
            request.topics = [topic]
            let response: ListOffsetsResponse = try client.ask(request, version)
            return response.topics[0].partitions[0]
        }
        for (timestamp, offset, found) in [
            (-1, 4, -1), (-2, 0, -1), (-3, 2, 3_000), (-4, 0, -1), (-5, -1, -1), (-6, -1, -1),
            (0, 0, 1_000), (1_000, 0, 1_000), (1_001, 2, 3_000), (3_001, -1, -1),
        ] as [(Int64, Int64, Int64)] {
            let answer = try find(timestamp)
            #expect(answer.errorCode == .none)
            #expect(answer.offset == offset, "for \(timestamp)")
            #expect(answer.timestamp == found, "for \(timestamp)")
        }
        #expect(try find(-1).leaderEpoch == 0)
        #expect(try find(-3, 6).errorCode == .unsupportedVersion)
        #expect(try find(-7).errorCode == .unsupportedVersion)
    }

    @Test func `deleted records are gone for good`() throws {
        defer { server.stop() }
        for value in ["a", "b", "c"] { _ = try client.produce("t", batch([value])) }
        func delete(before offset: Int64) throws -> DeleteRecordsResponse.DeleteRecordsPartitionResult {
            var partition = DeleteRecordsRequest.DeleteRecordsPartition()
            partition.offset = offset
            var topic = DeleteRecordsRequest.DeleteRecordsTopic()
            topic.name = "t"
            topic.partitions = [partition]
            var request = DeleteRecordsRequest()
            request.topics = [topic]
            let response: DeleteRecordsResponse = try client.ask(request, 2)
            return response.topics[0].partitions[0]
        }
        #expect(try delete(before: 2).lowWatermark == 2)
        #expect(try client.fetch(KafkaTestClient.fetchRequest("t", 1)).errorCode == .offsetOutOfRange)
        #expect(try values(client.fetch(KafkaTestClient.fetchRequest("t", 2)).records) == ["c"])
        #expect(try delete(before: 4).errorCode == .offsetOutOfRange)
        #expect(try delete(before: -1).lowWatermark == 3)
        #expect(try client.fetch(KafkaTestClient.fetchRequest("t", 3)).highWatermark == 3)
    }
}
