import Broker
import Bytes
import FoundationEssentials
import Glibc
import JetStream
import JetStreamAPI
import Model
import Records
import Storage
import Testing
import Transport

/// Records that JetStream has removed one by one go from the disk too. Source: docs/decisions/0024-compaction.md.
@Suite struct RemovalTests {
    fileprivate static func options() -> BrokerOptions {
        var options = BrokerOptions()
        options.compactionPauseMilliseconds = 20
        options.snapshotIntervalByteCount = 1 << 20
        return options
    }

    private static func make(_ json: String, _ fixture: BrokerFixture) async throws {
        _ = try await fixture.durably { broker in
            let request = try StreamConfigRequest(Array(json.utf8).span.bytes)
            _ = try broker.createStream(request, nameInSubject: request.config.name)
        }
    }

    /// Publishes `count` values of 200 bytes, `perBatch` of them in one batch.
    private static func publish(
        _ count: Int, subjects: Int, from first: Int = 0, perBatch: Int = 40, _ fixture: BrokerFixture
    ) async throws {
        for start in stride(from: first, to: first + count, by: perBatch) {
            _ = try await fixture.durably { broker in
                let log = try #require(try broker.stream(named: "S"))
                for number in start..<min(start + perBatch, first + count) {
                    let subject = Array("s.\(number % subjects)".utf8)
                    let payload = Self.payload(number)
                    guard case .stored = broker.publish(
                        to: log, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
                    else { throw JetStreamError.streamNotFound }
                }
            }
        }
    }

    private static func payload(_ number: Int) -> [UInt8] {
        let text = Array("value \(number) ".utf8)
        return text + [UInt8](repeating: UInt8(97 + number % 26), count: 200 - text.count)
    }

    /// Waits until the log takes no more than `limit` bytes; how many it takes then.
    private static func byteCount(_ fixture: BrokerFixture, atMost limit: Int64) async throws -> Int64 {
        var found: Int64 = 0
        for _ in 0..<400 {
            found = try await fixture.durably { $0.byteCount(of: try #require(try $0.stream(named: "S"))) }
            if found <= limit { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        return found
    }

    /// All records as Kafka fetches them.
    private static func fetch(_ fixture: BrokerFixture) async throws -> [FetchedRecord] {
        try await fixture.durably { try $0.fetchAll(try #require(try $0.stream(named: "S"))) }
    }

    private static func state(_ fixture: BrokerFixture) async throws -> StreamState {
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            return try #require(log.view).state
        }
    }

    @Test func `the space of overwritten values comes back, and the newest are all there`() async throws {
        let fixture = try BrokerFixture(Self.options(), store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"],"max_msgs_per_subject":1}"#, fixture)
        try await Self.publish(20_000, subjects: 50, fixture)
        // The last ones may be in the write-ahead log, up to what begins a roll-up and the file that is written.
        let left = try await Self.byteCount(fixture, atMost: 1 << 20)
        #expect(left < 1 << 20, "of 4.5 MB")
        for restart in [nil, true, false] as [Bool?] {
            if let restart {
                try fixture.restart(isClean: restart)
                #expect(fixture.summary.findings.isEmpty)
            }
            let state = try await Self.state(fixture)
            #expect(state.messages == 50 && state.firstSequence == 19_951 && state.lastSequence == 20_000)
            let records = try await Self.fetch(fixture)
            #expect(records.map(\.offset) == Array(19_950..<20_000))
            #expect(records.map(\.value) == (19_950..<20_000).map { Optional(Self.payload($0)) })
        }
        // Sequences go on where they were.
        try await Self.publish(1, subjects: 50, from: 20_000, fixture)
        #expect(try await Self.state(fixture).lastSequence == 20_001)
    }

    /// All records as Kafka fetches them where it can get files, and how many bytes came from those.
    private static func fetchFromFiles(_ fixture: BrokerFixture) async throws -> (offsets: [Int64], fileByteCount: Int) {
        try await fixture.durably { broker in
            var fileByteCount = 0
            let records = try broker.fetchAll(try #require(try broker.stream(named: "S"))) { fileByteCount += $0 }
            return (records.map(\.offset), fileByteCount)
        }
    }

    @Test func `only segments out of which records are left are not sent from files`() async throws {
        var options = Self.options()
        options.compactionPauseMilliseconds = 1_000_000
        let fixture = try BrokerFixture(options, store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"]}"#, fixture)
        try await Self.publish(12_000, subjects: 50, fixture)
        let segments = try await fixture.durably { [store = fixture.store] broker in
            store.segments(of: try #require(try broker.stream(named: "S")).id)
        }
        try #require(segments.count > 4)
        let whole = segments.reduce(0) { $0 + $1.byteCount }
        let all = try await Self.fetchFromFiles(fixture)
        #expect(all.offsets == Array(0..<12_000))
        #expect(all.fileByteCount > whole * 3 / 4)

        // Two single ones, in the second segment and in the fourth.
        let gone = [segments[1].baseOffset.value + 500, segments[3].baseOffset.value + 500]
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            try broker.remove(.removed(gone.map { UInt64($0 + 1) }), from: log)
        }
        for _ in 0..<3 {
            let left = try await Self.fetchFromFiles(fixture)
            #expect(left.offsets == (0..<12_000).filter { !gone.contains($0) })
            #expect(left.fileByteCount <= whole - segments[1].byteCount - segments[3].byteCount)
            #expect(left.fileByteCount >= segments[0].byteCount * 3 / 4)
        }
    }

    @Test(arguments: [true, false])
    func `what was written anew without records is sent from files again`(isRestarted: Bool) async throws {
        let fixture = try BrokerFixture(Self.options(), store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"]}"#, fixture)
        try await Self.publish(12_000, subjects: 50, fixture)
        let before = try await Self.byteCount(fixture, atMost: .max)
        let isKept = { @Sendable (offset: Int64) in offset % 3 == 0 || offset > 11_000 }
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            try broker.remove(.removed((0..<12_000).filter { !isKept(Int64($0)) }.map { UInt64($0 + 1) }), from: log)
        }
        let left = try await Self.byteCount(fixture, atMost: before / 2)
        #expect(left <= before / 2, "\(before) bytes before, \(left) now")
        if isRestarted { try fixture.restart(isClean: false) }
        let kept = (0..<12_000).filter(isKept)
        // A reader finds out what is in them, and the next one has it from files; a segment may be written anew in between.
        var found = try await Self.fetchFromFiles(fixture)
        for _ in 0..<100 where found.fileByteCount == 0 {
            #expect(found.offsets == kept)
            try await Task.sleep(for: .milliseconds(20))
            found = try await Self.fetchFromFiles(fixture)
        }
        #expect(found.offsets == kept)
        #expect(found.fileByteCount > 4 * 64 << 10, "of \(left)")
        // One more goes, and its segment has to be looked at again.
        _ = try await fixture.durably { broker in
            try broker.remove(.removed([4]), from: try #require(try broker.stream(named: "S")))
        }
        let third = try await Self.fetchFromFiles(fixture)
        #expect(third.offsets == kept.filter { $0 != 3 })
        #expect(third.fileByteCount < found.fileByteCount)
    }

    @Test func `more messages than a frame may name are removed at once, and a start reads that`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"],"retention":"interest"}"#, fixture)
        let count = StreamControl.removedLimit + 100
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            let body = Array(#"{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}"#.utf8)
            _ = try broker.createConsumer(
                CreateConsumerRequest(body.span.bytes), subject: .named("c", filter: nil), on: log)
            let subject = Array("s.1".utf8)
            for _ in 0..<count {
                _ = broker.publish(to: log, subject: subject.span.bytes, headers: RawSpan(), payload: RawSpan())
            }
        }
        #expect(try await Self.state(fixture).messages == UInt64(count))
        // Nobody wants them any more.
        try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            try broker.deleteConsumer(try #require(log.consumers["c"]))
        }
        for _ in 0..<2 {
            let state = try await Self.state(fixture)
            #expect(state.messages == 0)
            #expect(state.lastSequence == UInt64(count))
            try fixture.restart(isClean: false)
            #expect(fixture.summary.findings == [])
        }
    }

    @Test func `what was deleted singly leaves gaps that readers go over`() async throws {
        let fixture = try BrokerFixture(Self.options(), store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"]}"#, fixture)
        try await Self.publish(12_000, subjects: 50, fixture)
        let before = try await Self.byteCount(fixture, atMost: .max)
        // Three of four, and a long stretch whole.
        let isKept = { @Sendable (sequence: UInt64) in sequence % 4 == 1 && !(5_000..<7_000).contains(sequence) }
        _ = try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            try broker.remove(.removed((1...12_000).filter { !isKept($0) }), from: log)
        }
        let left = try await Self.byteCount(fixture, atMost: before / 2)
        #expect(left <= before / 2, "\(before) bytes before, \(left) now")
        let kept = (1...12_000).filter(isKept).map { Int($0) - 1 }
        for _ in 0..<2 {
            let records = try await Self.fetch(fixture)
            #expect(records.map(\.offset) == kept.map { Int64($0) })
            #expect(records.map(\.value) == kept.map { Optional(Self.payload($0)) })
            #expect(try await Self.state(fixture).messages == UInt64(kept.count))
            try fixture.restart(isClean: false)
        }
    }

    @Test func `after its snapshots are lost a stream is what the disk has`() async throws {
        let fixture = try BrokerFixture(Self.options(), store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"],"max_msgs_per_subject":1}"#, fixture)
        try await Self.publish(20_000, subjects: 50, fixture)
        _ = try await Self.byteCount(fixture, atMost: 1 << 20)
        try fixture.restart {
            let files = FileManager.default
            for file in try files.contentsOfDirectory(atPath: fixture.folder + "/snapshots") where file.hasPrefix("log-") {
                try files.removeItem(atPath: fixture.folder + "/snapshots/" + file)
            }
        }
        let records = try await Self.fetch(fixture)
        #expect(records.map(\.value) == (19_950..<20_000).map { Optional(Self.payload($0)) })
        #expect(try await Self.state(fixture).lastSequence == 20_000)
    }

    @Test func `a stream that moves its start is not written anew for that`() async throws {
        // On a busy machine the writer may come to rest for a while, and four looks of that are enough.
        var options = Self.options()
        options.compactionPauseMilliseconds = 75
        let fixture = try BrokerFixture(options, store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"],"max_msgs":3000}"#, fixture)
        for start in stride(from: 0, to: 12_000, by: 2_000) {
            try await Self.publish(2_000, subjects: 50, from: start, fixture)
        }
        let freed = try await fixture.durably { $0.streamTotals.compactedByteCount }
        #expect(freed == 0)
        #expect(try await Self.fetch(fixture).map(\.offset) == Array(9_000..<12_000))
    }

    // MARK: Damage

    /// Flips a bit in the middle of every segment file.
    private static func damage(_ fixture: BrokerFixture) throws -> Int {
        let folder = fixture.folder + "/segments/"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".seg") }
        for name in names {
            let handle = try #require(fopen(folder + name, "r+"))
            defer { fclose(handle) }
            fseek(handle, 20_000, SEEK_SET)
            let byte = fgetc(handle)
            fseek(handle, 20_000, SEEK_SET)
            fputc(byte ^ 0x20, handle)
        }
        return names.count
    }

    @Test func `damage that rewriting comes across is told, and nothing of that segment goes`() async throws {
        let fixture = try BrokerFixture(Self.options(), store: LogStore.Options.small)
        defer { fixture.remove() }
        try await Self.make(#"{"name":"S","subjects":["s.>"]}"#, fixture)
        try await Self.publish(12_000, subjects: 50, fixture)
        var damaged = 0
        try fixture.restart { damaged = try Self.damage(fixture) }
        #expect(damaged > 0)
        #expect(try await fixture.durably { $0.damageCount } == 0, "nobody has looked yet")
        let before = try await Self.byteCount(fixture, atMost: .max)
        _ = try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "S"))
            try broker.remove(.removed((1...8_000).filter { $0 % 8 != 0 }), from: log)
        }
        var count = 0
        for _ in 0..<200 where count == 0 {
            try await Task.sleep(nanoseconds: 20_000_000)
            count = try await fixture.durably { $0.damageCount }
        }
        #expect(count > 0)
        // It is told once, however often it is tried.
        try await Task.sleep(nanoseconds: 300_000_000)
        let later = try await fixture.durably { ($0.damageCount, $0.streamTotals.damageCount) }
        #expect(later.0 <= damaged && later.1 == later.0)
        #expect(try await Self.byteCount(fixture, atMost: .max) == before)
    }
}
