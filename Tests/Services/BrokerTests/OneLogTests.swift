import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import KafkaProtocol
import Model
import Records
import Testing
import Transport

/// The two views of one log. Source: docs/ARCHITECTURE.md.
@Suite struct OneLogTests {
    private func withBroker(
        _ body: (BrokerFixture) async throws -> Void
    ) async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await body(fixture)
    }

    private static func makeOrders(_ broker: Broker) throws -> PartitionLog {
        var request = try StreamConfigRequest(Array(#"{"name":"orders"}"#.utf8).span.bytes)
        request.config.subjects = ["orders.>"]
        return try broker.createStream(request, nameInSubject: "orders")
    }

    private static func publish(
        _ subject: String, _ payload: String, to log: PartitionLog, _ broker: Broker
    ) -> PublishOutcome {
        let (subject, payload) = (Array(subject.utf8), Array(payload.utf8))
        return broker.publish(
            to: log, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
    }

    private static func records(_ broker: Broker, _ log: PartitionLog) throws -> [String] {
        var bytes: [UInt8] = []
        try broker.readBatches(
            of: log, from: log.startOffset, byteLimit: .max, atLeastOne: true, into: &bytes)
        var found: [String] = []
        var batches = RecordBatchCursor(bytes.span.bytes)
        while let batch = try batches.next() {
            var records = RecordCursor(batch.payload, count: Int(batch.header.recordCount))
            while let record = try records.next() {
                var key = "-"
                if let bytes = record.key { key = String(repairingUTF8: bytes) }
                let value = String(repairingUTF8: record.natsPayload)
                found.append("\(batch.offset(of: record).value) \(key)=\(value)")
            }
        }
        return found
    }

    @Test func `what NATS publishes, Kafka reads at the sequence minus one`() async throws {
        try await withBroker { fixture in
            try await fixture.durably { broker in
                let log = try Self.makeOrders(broker)
                for number in 1...3 {
                    guard
                        case .stored(let sequence) = Self.publish(
                            "orders.eu.\(number)", "v\(number)", to: log, broker)
                    else {
                        Issue.record("publish \(number) was refused")
                        continue
                    }
                    #expect(sequence == StreamSequence(UInt64(number)))
                }
                #expect(try Self.records(broker, log) == [], "nothing is readable before it is durable")
            }
            let read = try await fixture.durably { broker in
                try Self.records(broker, broker.stream(named: "orders")!)
            }
            #expect(read == ["0 eu.1=v1", "1 eu.2=v2", "2 eu.3=v3"])
        }
    }

    @Test func `a record whose subject the stream does not take is refused, and says which it takes`()
        async throws
    {
        try await withBroker { fixture in
            try await fixture.durably { broker in
                let log = try Self.makeOrders(broker)
                let stream = try #require(broker.catalog.stream(topicName: "orders"))
                let batch = producedBatch([("eu.1", "good"), (nil, "no key")])
                guard
                    case .refused(let error, let message, let index) = broker.produce(
                        batch.span.bytes, to: log, of: stream, allowsZstd: true)
                else {
                    Issue.record("the batch was taken")
                    return
                }
                #expect(error == .invalidRecord)
                #expect(message.contains("orders.>"))
                #expect(index == 1)
                #expect(log.endOffset == Offset(0))
            }
        }
    }

    @Test func `a header cannot carry a record out of its topic's subjects`() async throws {
        try await withBroker { fixture in
            try await fixture.durably { broker in
                let stream = try #require(try broker.createTopic("t", partitionCount: 1, config: [:]))
                let log = try #require(broker.log(of: stream, partition: 0))
                let batch = producedBatch(
                    [("k", "v")], headers: [RecordHeader("Nats-Subject", "$SYS.REQ.SERVER.PING")])
                guard
                    case .refused(let error, _, _) = broker.produce(
                        batch.span.bytes, to: log, of: stream, allowsZstd: true)
                else {
                    Issue.record("the batch was taken")
                    return
                }
                #expect(error == .invalidRecord)
            }
        }
    }

    @Test func `a deleted message is a gap for Kafka, and stays one after a restart`() async throws {
        try await withBroker { fixture in
            try await fixture.durably { broker in
                let log = try Self.makeOrders(broker)
                for number in 1...4 { _ = Self.publish("orders.\(number)", "v", to: log, broker) }
            }
            try await fixture.durably { broker in
                try broker.deleteMessage(StreamSequence(2), from: broker.stream(named: "orders")!)
            }
            let expected = ["0 1=v", "2 3=v", "3 4=v"]
            let read = try await fixture.durably { broker in
                try Self.records(broker, broker.stream(named: "orders")!)
            }
            #expect(read == expected)
            try fixture.restart()
            let again = try await fixture.durably { broker in
                try Self.records(broker, broker.stream(named: "orders")!)
            }
            #expect(again == expected)
        }
    }

    @Test func `a topic that JetStream looks at late is what it would have been from the start`()
        async throws
    {
        try await withBroker { fixture in
            try await fixture.durably { broker in
                let stream = try #require(try broker.createTopic("t", partitionCount: 1, config: [:]))
                let log = try #require(broker.log(of: stream, partition: 0))
                for key in ["a", "b", "a"] {
                    let batch = producedBatch([(key, "v"), (nil, nil)])
                    guard
                        case .appended = broker.produce(
                            batch.span.bytes, to: log, of: stream, allowsZstd: true)
                    else {
                        Issue.record("the batch was refused")
                        return
                    }
                }
                try broker.deleteRecords(before: Offset(1), from: log)
                #expect(log.view == nil, "only Kafka has used it")
            }
            try await fixture.durably { broker in
                let log = try #require(try broker.stream(named: "t"))
                #expect(log.view?.messageCount == 5)
                #expect(log.view?.firstSequence == StreamSequence(2))
                #expect(log.view?.subjectCount == 3)
            }
        }
    }

    @Test func `a retried batch is answered with the offset it already has, also after a restart`()
        async throws
    {
        try await withBroker { fixture in
            var builder = RecordBatchBuilder()
            var identity = RecordBatchBuilder.Identity()
            identity.producerID = ProducerID(7)
            identity.producerEpoch = 0
            identity.baseSequence = 0
            builder.begin(identity)
            builder.append(key: nil, value: [1], timestampMilliseconds: 1)
            builder.seal()
            let batch = Array(copying: builder.bytes)
            let produce: @Sendable (Broker) throws -> ProduceOutcome = { broker in
                let stream = try #require(broker.catalog.stream(topicName: "t"))
                let log = try #require(broker.log(of: stream, partition: 0))
                return broker.produce(batch.span.bytes, to: log, of: stream, allowsZstd: true)
            }
            _ = try await fixture.durably { try $0.createTopic("t", partitionCount: 1, config: [:])?.id.value }
            try await fixture.durably { broker in
                guard case .appended(Offset(0), _) = try produce(broker) else {
                    Issue.record("the batch was not taken at offset 0")
                    return
                }
            }
            try fixture.restart()
            try await fixture.durably { broker in
                guard case .duplicate(Offset(0)) = try produce(broker) else {
                    Issue.record("the retry was not found out")
                    return
                }
            }
        }
    }
}
