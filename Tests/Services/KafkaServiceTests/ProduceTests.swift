import KafkaProtocol
import Model
import TemporaryFolders
import Testing

/// Kafka reference 3.2, 4.1 and 4.2.
@Suite struct ProduceTests {
    @Test func `what is produced is read back at the offsets that were answered`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        #expect(try client.createTopic("t", partitions: 2).errorCode == .none)
        for (index, acks) in [Int16(1), -1].enumerated() {
            let answer = try client.produce("t", batch(["a\(acks)", "b"]), partition: 1, acks: acks)
            #expect(answer.errorCode == .none)
            #expect(answer.baseOffset == Int64(2 * index))
            #expect(answer.logAppendTimeMs == -1)
            #expect(answer.logStartOffset == 0)
        }
        let data = try client.fetch(KafkaTestClient.fetchRequest("t", 0, partition: 1))
        #expect(data.highWatermark == 4)
        #expect(try values(data.records) == ["a1", "b", "a-1", "b"])
        #expect(try client.fetch(KafkaTestClient.fetchRequest("t", 0)).records == [])
    }

    @Test func `acks 0 has no answer`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        _ = try client.createTopic("t")
        let records = batch(["x"])
        client.send(
            KafkaTestClient.produceRequest("t", records, acks: 0), 9, records: records)
        let id = client.send(MetadataRequest(), 9)
        #expect(try client.receive(MetadataResponse.self, 9).correlationID == id)
        let data = try client.fetch(KafkaTestClient.fetchRequest("t", 0, maxWait: 5_000))
        #expect(try values(data.records) == ["x"])
    }

    @Test func `an error under acks 0 ends the connection`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        let records = batch(["x"])
        client.send(
            KafkaTestClient.produceRequest("nowhere", records, acks: 0), 9, records: records)
        #expect(client.sawEnd())
    }

    @Test func `each fault has its error, and nothing is written`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        _ = try client.createTopic("t")
        let good = batch(["x"])
        func error(
            _ records: [UInt8], _ topic: String = "t", _ partition: Int32 = 0, acks: Int16 = -1
        ) throws -> KafkaError {
            try client.produce(topic, records, partition: partition, acks: acks).errorCode
        }
        #expect(try error(good, acks: 2) == .invalidRequiredAcks)
        #expect(try error(good, "nowhere") == .unknownTopicOrPartition)
        #expect(try error(good, "t", 1) == .unknownTopicOrPartition)
        #expect(try error(good, "t", -1) == .unknownTopicOrPartition)
        var flipped = good
        flipped[good.count - 1] ^= 1
        #expect(try error(flipped) == .corruptMessage)
        #expect(try error(Array(good.dropLast())) != .none)
        #expect(try error([]) != .none)
        #expect(try error(good + good) == .invalidRecord)
        var oldMagic = good
        oldMagic[16] = 1
        #expect(try error(oldMagic) == .invalidRecord)
        #expect(try error(batch([String(repeating: "x", count: 1_100_000)])) == .messageTooLarge)
        #expect(try error(batch(["x"], timestamp: 4_000_000_000_000)) == .invalidTimestamp)
        let data = try client.fetch(KafkaTestClient.fetchRequest("t", 0))
        #expect(data.highWatermark == 0)
        #expect(try error(good) == .none)
    }

    @Test func `a transactional producer is refused for good`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        var initialise = InitProducerIdRequest()
        initialise.transactionalId = "t1"
        initialise.transactionTimeoutMs = 60_000
        let answer: InitProducerIdResponse = try client.ask(initialise, 4)
        #expect(answer.errorCode == .transactionalIdAuthorizationFailed)
        var find = FindCoordinatorRequest()
        find.keyType = 1
        find.coordinatorKeys = ["t1"]
        let found: FindCoordinatorResponse = try client.ask(find, 4)
        #expect(found.coordinators[0].errorCode == .transactionalIdAuthorizationFailed)
    }

    @Test func `a retried batch has the offset it already has, also after a restart`() throws {
        let folder = TemporaryFolder()
        var producer: Int64 = -1
        do {
            let server = try KafkaTestServer(in: folder)
            defer { server.stop() }
            let client = KafkaTestClient(server)
            _ = try client.createTopic("t")
            let answer: InitProducerIdResponse = try client.ask(InitProducerIdRequest(), 4)
            #expect(answer.errorCode == .none)
            #expect(answer.producerEpoch == 0)
            producer = answer.producerId
            for sequence in [Int32(0), 2] {
                let records = batch(["a", "b"], producer: producer, epoch: 0, sequence: sequence)
                #expect(try client.produce("t", records).baseOffset == Int64(sequence))
            }
        }
        let server = try KafkaTestServer(in: folder)
        defer { server.stop() }
        let client = KafkaTestClient(server)
        let retried = try client.produce(
            "t", batch(["a", "b"], producer: producer, epoch: 0, sequence: 2))
        #expect(retried.errorCode == .none)
        #expect(retried.baseOffset == 2)
        let gap = try client.produce(
            "t", batch(["a"], producer: producer, epoch: 0, sequence: 9))
        #expect(gap.errorCode == .outOfOrderSequenceNumber)
        let next = try client.produce(
            "t", batch(["c"], producer: producer, epoch: 0, sequence: 4))
        #expect(next.baseOffset == 4)
        let other: InitProducerIdResponse = try client.ask(InitProducerIdRequest(), 4)
        #expect(other.producerId != producer)
        let data = try client.fetch(KafkaTestClient.fetchRequest("t", 0))
        #expect(try values(data.records) == ["a", "b", "a", "b", "c"])
    }

    @Test func `a log that dates its records says so`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        _ = try client.createTopic("t", config: ["message.timestamp.type": "LogAppendTime"])
        let answer = try client.produce("t", batch(["x"], timestamp: 1_000))
        #expect(answer.errorCode == .none)
        #expect(answer.logAppendTimeMs > 1_600_000_000_000)
    }
}
