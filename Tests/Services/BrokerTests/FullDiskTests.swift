import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import KafkaProtocol
import Model
import Storage
import Testing
import Transport

/// What is promised while the disk is full. Source: docs/formats/jetstream.md, "consumer".
@Suite struct FullDiskTests {
    private static func make(_ json: String, _ broker: Broker) throws -> PartitionLog {
        let request = try StreamConfigRequest(Array(json.utf8).span.bytes)
        return try broker.createStream(request, nameInSubject: request.config.name)
    }

    private static func isPublished(_ byteCount: Int, to stream: String, _ broker: Broker) throws -> Bool {
        let log = try #require(try broker.stream(named: stream))
        let (subject, payload) = (Array(stream.utf8), [UInt8](repeating: 7, count: byteCount))
        switch broker.publish(
            to: log, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
        {
        case .stored: return true
        case .refused(.insufficientResources): return false
        case let outcome: throw UnexpectedOutcome(outcome: "\(outcome)")
        }
    }

    private struct UnexpectedOutcome: Error { var outcome: String }

    private static func consumer(_ broker: Broker) throws -> StreamConsumer {
        try #require(try broker.stream(named: "jobs")?.consumers["worker"])
    }

    /// An ack with a reply subject.
    private static func isConfirmed(_ sequence: UInt64, _ fixture: BrokerFixture) async throws -> Bool {
        try await fixture.durably { broker in
            let consumer = try Self.consumer(broker)
            return broker.acknowledge(StreamSequence(sequence), .acknowledged, at: consumer)
                && broker.writeRecord(of: consumer)
        }
    }

    @Test(arguments: ["limits", "workqueue"], [1 << 30, 1])
    func `an ack that there is no room for is never confirmed, and those after it with it only`(
        retention: String, snapshotInterval: Int
    ) async throws {
        let disk = FullDisk()
        var storeOptions = LogStore.Options()
        storeOptions.wal.fileSystem = disk
        storeOptions.wal.fileByteCount = 64 << 10
        var options = BrokerOptions()
        options.snapshotIntervalByteCount = snapshotInterval
        let fixture = try BrokerFixture(options, store: storeOptions)
        defer { fixture.remove() }
        let clients = TakingClients()
        let count: UInt64 = 30
        try await fixture.durably { broker in
            broker.nats = clients
            let log = try Self.make(#"{"name":"jobs","retention":"\#(retention)"}"#, broker)
            _ = try Self.make(#"{"name":"other"}"#, broker)
            let config = #"{"durable_name":"worker","ack_policy":"explicit","ack_wait":3600000000000}"#
            let body = Array(#"{"stream_name":"jobs","config":\#(config)}"#.utf8)
            _ = try broker.createConsumer(
                CreateConsumerRequest(body.span.bytes), subject: .named("worker", filter: nil), on: log)
            for _ in 0..<count { #expect(try Self.isPublished(10, to: "jobs", broker)) }
        }
        try await fixture.durably { broker in
            let body = Array(#"{"batch":\#(count),"expires":3600000000000}"#.utf8)
            let inbox = Array("inbox".utf8)
            broker.pull(
                try PullRequest(body.span.bytes), inbox: inbox.span.bytes, from: try Self.consumer(broker))
        }
        try await fixture.until { _ in clients.delivered.count == Int(count) }

        disk.isFull = true
        for byteCount in [4000, 1] {
            try await fixture.until { broker in
                while try Self.isPublished(byteCount, to: "other", broker) {}
                return true
            }
        }
        var refused: [UInt64] = []
        for sequence in 1...count where try await !Self.isConfirmed(sequence, fixture) { refused.append(sequence) }
        let first = try #require(refused.first)
        #expect(refused == Array(first...count), "what comes later is not confirmed before what came first is logged")
        for _ in 0..<3 {
            for sequence in refused { #expect(try await !Self.isConfirmed(sequence, fixture), "\(sequence)") }
        }
        // The clock does not help either.
        try await Task.sleep(for: .milliseconds(1100))
        #expect(try await !Self.isConfirmed(first, fixture))

        disk.isFull = false
        // Snapshots may be taken now, that have what the log has not.
        try await fixture.until { broker in try Self.isPublished(10, to: "other", broker) }
        var isConfirmed = false
        for _ in 0..<500 where !isConfirmed {
            isConfirmed = try await Self.isConfirmed(first, fixture)
            if !isConfirmed { try await Task.sleep(for: .milliseconds(10)) }
        }
        #expect(isConfirmed)
        let left = retention == "limits" ? count : 0
        try await fixture.until { broker in
            broker.streamInfo(try #require(try broker.stream(named: "jobs")), leader: nil).state.messages == left
        }
        for _ in 0..<2 {
            try fixture.restart(isClean: false)
            #expect(fixture.summary.findings == [])
            try await fixture.durably { broker in
                let info = broker.consumerInfo(try Self.consumer(broker))
                #expect(info.ackPendingCount == 0)
                #expect(info.delivered.consumer == count)
                #expect(info.ackFloor.stream == count)
                #expect(info.redeliveredCount == 0)
                let log = try #require(try broker.stream(named: "jobs"))
                #expect(broker.streamInfo(log, leader: nil).state.messages == left)
            }
        }
    }

    @Test func `what comes beside it does not take the room of an open batch`() async throws {
        let disk = FullDisk()
        var storeOptions = LogStore.Options()
        storeOptions.wal.fileSystem = disk
        storeOptions.wal.fileByteCount = 1 << 20
        let fixture = try BrokerFixture(store: storeOptions)
        defer { fixture.remove() }
        try await fixture.durably { broker in
            _ = try Self.make(#"{"name":"a"}"#, broker)
            _ = try #require(try broker.createTopic("t", partitionCount: 1, config: [:]))
        }
        disk.isFull = true
        // Each fits by itself. The batch of the first is written when the turn ends.
        try await fixture.durably { broker in
            #expect(try Self.isPublished(200_000, to: "a", broker))
            let topic = try #require(broker.catalog.stream(topicName: "t"))
            let batch = producedBatch([("k", String(repeating: "v", count: 900_000))])
            let outcome = broker.produce(
                batch.span.bytes, to: try #require(broker.log(of: topic, partition: 0)), of: topic, allowsZstd: true)
            guard case .refused(.kafkaStorageError, _, _) = outcome else {
                throw UnexpectedOutcome(outcome: "\(outcome)")
            }
        }
        try fixture.restart(isClean: false)
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "a"))
            #expect(broker.streamInfo(log, leader: nil).state.messages == 1)
        }
    }

    @Test func `a batch that is refused leaves the sync to the next one`() async throws {
        let disk = FullDisk()
        var storeOptions = LogStore.Options()
        storeOptions.wal.fileSystem = disk
        storeOptions.wal.fileByteCount = 1 << 20
        let fixture = try BrokerFixture(store: storeOptions)
        defer { fixture.remove() }
        disk.isFull = true
        try await fixture.durably { broker in
            let topic = try #require(
                try broker.createTopic(
                    "t", partitionCount: 1, config: ["flush.ms": "9223372036854775807", "flush.messages": "3"]))
            let log = try #require(broker.log(of: topic, partition: 0))
            let outcomes = [600_000, 600_000, 10].map { byteCount -> Assurance? in
                let batch = producedBatch([("k", String(repeating: "v", count: byteCount)), ("k", "2")])
                if case .appended = broker.produce(batch.span.bytes, to: log, of: topic, allowsZstd: true) {
                    return log.lastAssurance
                }
                return nil
            }
            #expect(outcomes == [.file, nil, .device])
        }
    }
}
