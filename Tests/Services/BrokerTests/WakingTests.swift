import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import Model
import Records
import Storage
import Testing
import Transport

/// JetStream's view of a long log that only Kafka has used: made in slices, while everything else goes on.
@Suite struct WakingTests {
    private static let count = 30_000
    /// What one slice reads at most, where nothing comes meanwhile.
    private static let sliceCount = 2048

    private static func log(_ broker: Broker) throws -> PartitionLog {
        let stream = try #require(broker.catalog.stream(topicName: "t"))
        return try #require(broker.log(of: stream, partition: 0))
    }

    private static func batch(_ first: Int, _ count: Int) -> [UInt8] {
        producedBatch((first..<first + count).map { ("key-\($0 % 50)", "value \($0)") })
    }

    private static func produce(_ batch: [UInt8], _ broker: Broker) throws {
        let stream = try #require(broker.catalog.stream(topicName: "t"))
        guard case .appended = broker.produce(batch.span.bytes, to: try log(broker), of: stream, allowsZstd: true)
        else { throw CatalogFailure.refused(.noSuchStream) }
    }

    /// A broker with a topic that has so many records.
    private static func fixture(
        _ count: Int = count, batchCount: Int = 1_000, config: [String: String] = [:], options: BrokerOptions = BrokerOptions(),
        store: LogStore.Options = .init()
    ) async throws -> BrokerFixture {
        let fixture = try BrokerFixture(options, store: store)
        _ = try await fixture.durably { _ = try $0.createTopic("t", partitionCount: 1, config: config) }
        for first in stride(from: 0, to: count, by: batchCount) {
            let batch = batch(first, min(batchCount, count - first))
            _ = try await fixture.durably { try produce(batch, $0) }
        }
        return fixture
    }

    private static func publish(
        _ text: String, headers: String = "", to log: PartitionLog, _ broker: Broker
    ) -> PublishOutcome {
        let subject = Array("kafka.t.\(text)".utf8)
        let headers = Array(headers.utf8)
        return broker.publish(
            to: log, subject: subject.span.bytes, headers: headers.span.bytes, payload: subject.span.bytes)
    }

    private static let withID = "NATS/1.0\r\nNats-Msg-Id: one\r\n\r\n"

    private static func state(_ fixture: BrokerFixture) async throws -> StreamState {
        try await fixture.durably { broker in broker.streamInfo(try log(broker), leader: nil).state }
    }

    private static func isWaking(_ fixture: BrokerFixture) async throws -> Bool {
        try await fixture.durably { try log($0).isWaking }
    }

    private static func beginToWake(_ log: PartitionLog, _ broker: Broker) throws {
        let isAwake = try broker.wake(log)
        #expect(!isAwake && log.isWaking)
    }

    @Test(arguments: [1, 50, 10_000])
    func `a long log is read in many turns, with the same result as a short one`(batchCount: Int) async throws {
        let count = batchCount == 1 ? 3_000 : Self.count
        let fixture = try await Self.fixture(count, batchCount: batchCount)
        defer { fixture.remove() }
        let before = try await fixture.durably { broker in
            try Self.beginToWake(try Self.log(broker), broker)
            #expect(throws: JetStreamError.self) { try broker.stream(named: "t") }
            return broker.loop.turn
        }
        try await fixture.wake(Self.log)
        let turns = try await fixture.durably { $0.loop.turn } - before
        #expect(turns >= UInt64(count / Self.sliceCount))
        let state = try await Self.state(fixture)
        #expect(state.messages == UInt64(count) && state.lastSequence == UInt64(count))
        #expect(state.firstSequence == 1 && state.subjectCount == 50 && state.deletedCount == 0)
    }

    @Test func `a short log has its view at once`() async throws {
        let fixture = try await Self.fixture(1_000, batchCount: 100)
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            let isAwake = try broker.wake(try Self.log(broker))
            let stream = try #require(try broker.stream(named: "t"))
            #expect(isAwake && stream.view?.messageCount == 1_000)
        }
    }

    @Test func `what is produced and published meanwhile is taken in, and what depends on the view waits`() async throws {
        let fixture = try await Self.fixture()
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            let log = try Self.log(broker)
            // Nobody need know what is there.
            guard case .stored(StreamSequence(30_001)) = Self.publish("a", to: log, broker) else { throw JetStreamError.badRequest }
            #expect(!log.isWaking && log.view == nil)
            guard case .waits = Self.publish("b", headers: Self.withID, to: log, broker) else { throw JetStreamError.badRequest }
            #expect(log.isWaking)
            try Self.produce(Self.batch(0, 500), broker)
            let other = "NATS/1.0\r\nColor: red\r\n\r\n"
            guard case .stored(StreamSequence(30_502)) = Self.publish("c", headers: other, to: log, broker)
            else { throw JetStreamError.badRequest }
        }
        try await fixture.wake(Self.log)
        _ = try await fixture.durably { broker in
            let log = try Self.log(broker)
            let view = try #require(log.view)
            #expect(view.messageCount == 30_502)
            #expect(view.subject(of: StreamSequence(30_001)) == Array("kafka.t.a".utf8))
            #expect(view.subject(of: StreamSequence(30_502)) == Array("kafka.t.c".utf8))
            guard case .stored(StreamSequence(30_503)) = Self.publish("b", headers: Self.withID, to: log, broker),
                case .duplicate(StreamSequence(30_503)) = Self.publish("b", headers: Self.withID, to: log, broker)
            else { throw JetStreamError.badRequest }
        }
        // After a restart all of it is there.
        let state = try await Self.state(fixture)
        try fixture.restart(isClean: false)
        try await fixture.wake(Self.log)
        let again = try await Self.state(fixture)
        #expect(again.messages == state.messages && again.bytes == state.bytes && again.lastSequence == 30_503)
    }

    @Test func `the end is reached although more is produced in each turn than a slice has`() async throws {
        let fixture = try await Self.fixture()
        defer { fixture.remove() }
        let batch = Self.batch(0, 5_000)
        _ = try await fixture.durably { try Self.beginToWake(try Self.log($0), $0) }
        var rounds = 0
        while rounds < 100, try await Self.isWaking(fixture) {
            rounds += 1
            _ = try await fixture.keeping(.memory) { try Self.produce(batch, $0) }
        }
        #expect(rounds < 100)
        try await fixture.wake(Self.log)
        let state = try await Self.state(fixture)
        #expect(state.messages == UInt64(Self.count + rounds * 5_000) && state.lastSequence == state.messages)
    }

    @Test func `a topic that is deleted meanwhile is gone at once, and those who wait hear of it`() async throws {
        let fixture = try await Self.fixture()
        defer { fixture.remove() }
        let error = await #expect(throws: JetStreamError.self) {
            try await fixture.wake { broker in
                let log = try Self.log(broker)
                try Self.beginToWake(log, broker)
                try broker.deleteStream(named: "t")
                #expect(broker.catalog.stream(topicName: "t") == nil)
                return log
            }
        }
        #expect(error == .streamNotFound)
    }

    @Test func `one that nobody has looked at is deleted without being read`() async throws {
        let fixture = try await Self.fixture()
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            let log = try Self.log(broker)
            try broker.deleteStream(named: "t")
            #expect(log.isDeleted && !log.isWaking)
        }
    }

    @Test(arguments: [1, 5_000, 15_500, 29_999, 30_000])
    func `where the start moves meanwhile the view begins there`(start: Int64) async throws {
        let fixture = try await Self.fixture()
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            let log = try Self.log(broker)
            try Self.beginToWake(log, broker)
            try broker.deleteRecords(before: Offset(min(start, 700)), from: log)
        }
        // Some is read by then, or all.
        _ = try await fixture.durably { try $0.deleteRecords(before: Offset(start), from: try Self.log($0)) }
        try await fixture.wake(Self.log)
        let state = try await Self.state(fixture)
        #expect(state.messages == UInt64(Int64(Self.count) - start) && state.lastSequence == UInt64(Self.count))
        #expect(state.firstSequence == UInt64(start + 1))
        #expect(try await fixture.durably { try Self.log($0).startOffset } == Offset(start))
        #expect(try await fixture.durably { try $0.fetchAll(try Self.log($0)).count } == Int(state.messages))
    }

    @Test func `retention by size goes on meanwhile`() async throws {
        var options = BrokerOptions()
        options.retentionCheckMilliseconds = 1
        let fixture = try await Self.fixture(options: options)
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            try Self.beginToWake(try Self.log(broker), broker)
            let id = try #require(broker.catalog.stream(topicName: "t")).id
            try broker.configureTopic(id, config: ["retention.bytes": "100000", "segment.bytes": "1000"])
        }
        try await fixture.wake(Self.log)
        var start: Int64 = 0
        for _ in 0..<300 where start < 20_000 {
            start = try await fixture.durably { try Self.log($0).startOffset.value }
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        let state = try await Self.state(fixture)
        #expect(start >= 20_000 && state.firstSequence == UInt64(start + 1))
        #expect(state.messages == UInt64(Int64(Self.count) - start))
    }

    @Test func `a log that makes no sense is told as such, each time`() async throws {
        let fixture = try await Self.fixture(4_000)
        defer { fixture.remove() }
        let store = fixture.store
        _ = try await fixture.durably { broker in
            let log = try Self.log(broker)
            var bytes = Self.batch(0, 10)
            for byte in 0..<8 { bytes[RecordBatchHeader.byteCount + byte] = 0x7F }
            let header = FrameHeader(
                kind: .batch, log: log.id, baseOffset: log.endOffset, lastOffset: log.endOffset.advanced(by: 9),
                appendTime: broker.loop.now)
            _ = try store.append(header, bytes.span.bytes)
            store.wal.flush()
        }
        try fixture.restart(isClean: false)
        for _ in 0..<2 {
            let error = await #expect(throws: JetStreamError.self) { try await fixture.wake(Self.log) }
            #expect(error?.code == 503 || error?.code == 500)
        }
        // What Kafka's clients write is taken all the same.
        _ = try await fixture.durably { try Self.produce(Self.batch(0, 10), $0) }
    }

    @Test func `a view that is made while compaction writes a segment has no message that goes from it`() async throws {
        let disk = HeldDisk()
        var store = LogStore.Options.small
        store.wal.fileSystem = disk
        var options = BrokerOptions()
        options.compactionPauseMilliseconds = 20
        let lag = ["cleanup.policy": "compact", "min.compaction.lag.ms": "3600000", "min.cleanable.dirty.ratio": "0.01"]
        let fixture = try await Self.fixture(60_000, batchCount: 500, config: lag, options: options, store: store)
        defer { fixture.remove() }
        let again = fixture.store
        for _ in 0..<500 where try await fixture.durably({ again.segments(of: try Self.log($0).id).isEmpty || !again.isIdle }) {
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        // Whoever writes a segment file from now on waits for its sync, and that is compaction.
        disk.hold(".seg")
        _ = try await fixture.durably { broker in
            let id = try #require(broker.catalog.stream(topicName: "t")).id
            try broker.configureTopic(
                id, config: ["cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"])
        }
        for _ in 0..<3000 where disk.waitingCount == 0 { try await Task.sleep(nanoseconds: 10_000_000) }
        #expect(disk.waitingCount > 0)
        try await fixture.wake(Self.log)
        let (count, _) = try await fixture.durably { try $0.messagesInView(of: try Self.log($0)) }
        #expect(count < 60_000)
        // Kafka's readers see the same, although the disk has it still.
        #expect(try await fixture.durably { try $0.fetchAll(try Self.log($0)).count } == Int(count))
        disk.release()
        var records: [FetchedRecord] = []
        for _ in 0..<3000 {
            records = try await fixture.durably { try $0.fetchAll(try Self.log($0)) }
            if records.count < 30_000 { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        #expect(records.count < 30_000)
        // Nothing more is compacted from now on, but what was begun.
        _ = try await fixture.durably { broker in
            try broker.configureTopic(try #require(broker.catalog.stream(topicName: "t")).id, config: lag)
        }
        for _ in 0..<3000 where try await !fixture.durably({ _ in again.isIdle }) {
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        let (sequences, offsets) = try await fixture.durably { broker in
            let log = try Self.log(broker)
            return (try broker.messagesInView(of: log).1, try broker.fetchAll(log).map(\.offset))
        }
        let differing = Set(sequences).symmetricDifference(offsets.map { UInt64($0 + 1) })
        #expect(differing.count == 0 && offsets.count == sequences.count)
        try fixture.restart(isClean: false)
        try await fixture.wake(Self.log)
        let after = try await fixture.durably { try $0.messagesInView(of: try Self.log($0)) }
        #expect(after.1 == sequences)
    }
}
