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
        let fixture = try BrokerFixture(Self.options(), store: LogStore.Options.small)
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
