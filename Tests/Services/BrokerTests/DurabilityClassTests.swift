import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import KafkaProtocol
import Model
import Platform
import Records
import Storage
import Synchronization
import Testing
import Transport

/// How surely streams are kept by their settings. Source: docs/decisions/0025-three-durability-classes.md.
@Suite struct DurabilityClassTests {
    private static let minute: Int64 = 60_000_000_000

    private static func make(_ json: String, _ broker: Broker) throws -> PartitionLog {
        let request = try StreamConfigRequest(Array(json.utf8).span.bytes)
        return try broker.createStream(request, nameInSubject: request.config.name)
    }

    private static func publish(
        _ subject: String, _ payload: String = "x", id: String? = nil, to log: PartitionLog, _ broker: Broker
    ) -> PublishOutcome {
        let (subject, payload) = (Array(subject.utf8), Array(payload.utf8))
        let headers = id.map { Array("NATS/1.0\r\nNats-Msg-Id: \($0)\r\n\r\n".utf8) } ?? []
        return broker.publish(
            to: log, subject: subject.span.bytes, headers: headers.span.bytes, payload: payload.span.bytes)
    }

    private static func durability(of name: String, _ broker: Broker) throws -> Durability {
        let stream = try #require(broker.catalog.stream(topicName: name))
        return broker.durability(of: stream)
    }

    private static func store(on disk: HeldDisk) -> LogStore.Options {
        var options = LogStore.Options()
        options.wal.fileSystem = disk
        // The log is never idle, nor a sync due by time: on a busy machine it would be held, and all that comes behind it.
        options.wal.time = TimeSource(now: { Clock.now() }, monotonicNanoseconds: { 1_000_000_000 })
        return options
    }

    // MARK: Settings

    @Test(arguments: [
        (#"{"name":"a"}"#, nil, Durability.sync),
        (#"{"name":"a"}"#, 2 * minute, .interval(nanoseconds: 2 * minute, recordCount: .max)),
        (
            #"{"name":"a","persist_mode":"async"}"#, nil,
            .interval(nanoseconds: 1_000_000_000, recordCount: .max)
        ),
        (
            #"{"name":"a","persist_mode":"async"}"#, minute,
            .interval(nanoseconds: minute, recordCount: .max)
        ),
        (#"{"name":"a","storage":"memory"}"#, nil, .memory),
        (#"{"name":"a","storage":"memory"}"#, minute, .memory),
    ])
    func `what JetStream says of a stream gives its class`(
        json: String, syncInterval: Int64?, expected: Durability
    ) async throws {
        var options = BrokerOptions()
        options.streamSyncNanoseconds = syncInterval
        let fixture = try BrokerFixture(options)
        defer { fixture.remove() }
        try await fixture.durably { broker in
            let log = try Self.make(json, broker)
            #expect(log.durability == expected)
        }
        try fixture.restart()
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "a"))
            #expect(log.durability == expected)
        }
    }

    @Test(arguments: [
        ([:], Durability.sync),
        (["flush.ms": "5000"], .interval(nanoseconds: 5_000_000_000, recordCount: .max)),
        (["flush.ms": "9223372036854775807"], .interval(nanoseconds: .max, recordCount: .max)),
        (["flush.ms": "5000", "flush.messages": "1"], .sync),
        (["flush.ms": "5000", "flush.messages": "9"], .interval(nanoseconds: 5_000_000_000, recordCount: 9)),
        (["flush.messages": "9"], .sync),
        (["flush.ms": "0"], .sync),
    ])
    func `what Kafka says of a topic gives its class`(
        config: [String: String], expected: Durability
    ) async throws {
        var options = BrokerOptions()
        // Which is about JetStream's streams alone.
        options.streamSyncNanoseconds = 7
        let fixture = try BrokerFixture(options)
        defer { fixture.remove() }
        try await fixture.durably { broker in
            _ = try broker.createTopic("t", partitionCount: 2, config: config)
            #expect(try Self.durability(of: "t", broker) == expected)
            let stream = try #require(broker.catalog.stream(topicName: "t"))
            #expect(broker.log(of: stream, partition: 1)?.durability == expected)
            try broker.configureTopic(stream.id, config: ["flush.ms": "1"])
            #expect(
                broker.log(of: stream, partition: 0)?.durability
                    == .interval(nanoseconds: 1_000_000, recordCount: .max))
        }
        try fixture.restart()
        try await fixture.durably { broker in
            let durability = try Self.durability(of: "t", broker)
            #expect(durability == .interval(nanoseconds: 1_000_000, recordCount: .max))
        }
    }

    @Test func `Kafka may set what JetStream has left open, but nothing is asked of a stream in memory`()
        async throws
    {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await fixture.durably { broker in
            for json in [#"{"name":"file"}"#, #"{"name":"memory","storage":"memory"}"#] {
                let log = try Self.make(json, broker)
                let place = try #require(broker.catalog.place(of: log.id))
                try broker.configureTopic(place.stream, config: ["flush.ms": "3"])
            }
            #expect(try Self.durability(of: "file", broker) == .interval(nanoseconds: 3_000_000, recordCount: .max))
            #expect(try Self.durability(of: "memory", broker) == .memory)
        }
    }

    // MARK: What waits for what

    @Test func `only what has to be on the device waits for it`() async throws {
        let disk = HeldDisk()
        let fixture = try BrokerFixture(store: Self.store(on: disk))
        defer { fixture.remove() }
        try await fixture.durably { broker in
            _ = try Self.make(#"{"name":"sync"}"#, broker)
            _ = try Self.make(#"{"name":"async","persist_mode":"async"}"#, broker)
            _ = try Self.make(#"{"name":"memory","storage":"memory"}"#, broker)
        }
        disk.hold()
        defer { disk.release() }
        // Without one that waits for the device they are not even in its group.
        for assurance in [Assurance.memory, .file] {
            try await fixture.keeping(assurance) { broker in
                let log = try #require(try broker.stream(named: assurance == .file ? "async" : "memory"))
                guard case .stored(StreamSequence(1)) = Self.publish(log.view!.config.name, to: log, broker)
                else { throw JetStreamError.streamNotFound }
                #expect(log.assurance == assurance)
            }
        }
        let readable = try await fixture.keeping(.file) { broker in
            try ["async", "memory"].map { try #require(try broker.stream(named: $0)).readableEnd }
        }
        #expect(readable == [Offset(1), Offset(1)])
        #expect(fixture.store.wal.durableMark < fixture.store.wal.writtenMark)

        let answered = Answered()
        let synced = Task {
            try await fixture.keeping(.device) { broker in
                let log = try #require(try broker.stream(named: "sync"))
                _ = Self.publish("sync", to: log, broker)
            }
            answered.isAnswered.store(true, ordering: .releasing)
        }
        try await Task.sleep(nanoseconds: 50_000_000)
        let early = try await fixture.keeping(.memory) { broker in
            let log = try #require(try broker.stream(named: "sync"))
            return [log.readableEnd, log.endOffset]
        }
        #expect(early == [Offset(0), Offset(1)])
        let isAnswered = answered.isAnswered.load(ordering: .acquiring)
        #expect(!isAnswered)
        disk.release()
        try await synced.value
        #expect(fixture.store.wal.durableMark >= fixture.store.wal.syncMark)
    }

    @Test func `an answer about the device does not wait for what others have put off`() async throws {
        var options = BrokerOptions()
        options.streamSyncNanoseconds = 3_600_000_000_000
        let disk = HeldDisk()
        let fixture = try BrokerFixture(options, store: Self.store(on: disk))
        defer { fixture.remove() }
        try await fixture.durably { broker in _ = try Self.make(#"{"name":"a"}"#, broker) }
        disk.hold()
        defer { disk.release() }
        try await fixture.keeping(.file) { broker in
            _ = Self.publish("a", to: try #require(try broker.stream(named: "a")), broker)
        }
        // Nothing was decided that has to be there.
        try await fixture.durably { _ in }
        #expect(fixture.store.wal.durableMark < fixture.store.wal.writtenMark)
    }

    @Test func `flush.messages syncs the record that makes it so many`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await fixture.durably { broker in
            let topic = try #require(
                try broker.createTopic(
                    "t", partitionCount: 1,
                    config: ["flush.ms": "9223372036854775807", "flush.messages": "5"]))
            let log = try #require(broker.log(of: topic, partition: 0))
            var assurances: [Assurance] = []
            for _ in 0..<4 {
                let batch = producedBatch([("k", "1"), ("k", "2")])
                guard
                    case .appended = broker.produce(
                        batch.span.bytes, to: log, of: topic, allowsZstd: true)
                else { throw JetStreamError.streamNotFound }
                assurances.append(log.lastAssurance)
            }
            #expect(assurances == [.file, .file, .device, .file])
        }
    }

    @Test func `what somebody asked to be deleted is on the device when the answer comes`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await fixture.durably { broker in
            let log = try Self.make(#"{"name":"a","persist_mode":"async"}"#, broker)
            for _ in 0..<3 { _ = Self.publish("a", to: log, broker) }
        }
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "a"))
            let wal = fixture.store.wal
            let before = wal.syncMark
            try broker.deleteMessage(StreamSequence(2), from: log)
            #expect(wal.syncMark > before)
            #expect(wal.syncMark == wal.appendedMark)
        }
    }

    // MARK: Streams in memory

    @Test(arguments: [true, false], [1 << 30, 1])
    func `a stream in memory begins anew with its configuration, consumers and numbers`(
        isClean: Bool, snapshotInterval: Int
    ) async throws {
        var options = BrokerOptions()
        options.snapshotIntervalByteCount = snapshotInterval
        let fixture = try BrokerFixture(options)
        defer { fixture.remove() }
        try await fixture.durably { broker in
            let log = try Self.make(
                #"{"name":"m","subjects":["m.>"],"storage":"memory","max_msgs":5}"#, broker)
            let body = Array(
                #"{"stream_name":"m","config":{"durable_name":"c","ack_policy":"explicit"}}"#.utf8)
            _ = try broker.createConsumer(
                CreateConsumerRequest(body.span.bytes), subject: .named("c", filter: nil), on: log)
            let kept = try Self.make(#"{"name":"f"}"#, broker)
            _ = Self.publish("f", to: kept, broker)
        }
        var last: UInt64 = 0
        for round in 0..<3 {
            let expected = last
            try await fixture.durably { broker in
                let log = try #require(try broker.stream(named: "m"))
                for number in 1...8 {
                    guard case .stored = Self.publish("m.\(number)", id: "\(number)", to: log, broker)
                    else { throw JetStreamError.streamNotFound }
                }
                let state = broker.streamInfo(log, leader: nil).state
                #expect(state.messages == 5, "round \(round)")
                #expect(state.lastSequence == expected + 8, "round \(round)")
                let consumer = try #require(log.consumers["c"])
                #expect(broker.consumerInfo(consumer).pendingCount == 5, "round \(round)")
            }
            last += 8
            try fixture.restart(isClean: isClean)
            #expect(fixture.summary.findings == [])
            let lastBefore = last
            try await fixture.durably { broker in
                let log = try #require(try broker.stream(named: "m"))
                let info = broker.streamInfo(log, leader: nil)
                #expect(info.config.maxMessages == 5)
                #expect(info.state.messages == 0)
                #expect(info.state.bytes == 0)
                #expect(info.state.subjectCount == 0)
                #expect(info.state.deletedCount == 0)
                #expect(info.state.firstSequence == lastBefore + 1)
                #expect(info.state.lastSequence == lastBefore)
                #expect(log.startOffset == log.endOffset)
                #expect(log.readableEnd == log.endOffset)
                let consumer = try #require(log.consumers["c"])
                #expect(broker.consumerInfo(consumer).pendingCount == 0)
                let kept = try #require(try broker.stream(named: "f"))
                #expect(broker.streamInfo(kept, leader: nil).state.messages == 1)
            }
        }
    }

    @Test func `producers of a stream in memory begin anew`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        var builder = RecordBatchBuilder()
        var identity = RecordBatchBuilder.Identity()
        identity.producerID = ProducerID(3)
        identity.producerEpoch = 0
        identity.baseSequence = 0
        builder.begin(identity)
        builder.append(key: nil, value: [1], headers: [], timestampMilliseconds: 1)
        builder.seal()
        let bytes = Array(copying: builder.bytes)
        for isFirst in [true, false] {
            try await fixture.durably { broker in
                if isFirst { _ = try Self.make(#"{"name":"m","storage":"memory"}"#, broker) }
                let stream = try #require(broker.catalog.stream(topicName: "m"))
                let log = try #require(broker.log(of: stream, partition: 0))
                guard
                    case .appended(let base, _) = broker.produce(
                        bytes.span.bytes, to: log, of: stream, allowsZstd: true)
                else { throw JetStreamError.streamNotFound }
                #expect(base == Offset(isFirst ? 0 : 1))
            }
            if isFirst { try fixture.restart(isClean: false) }
        }
    }
}

private final class Answered: Sendable {
    let isAnswered = Atomic(false)
}
