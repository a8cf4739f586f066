import Broker
import Bytes
import Catalog
import Glibc
import JetStream
import JetStreamAPI
import Model
import Storage
import Testing

/// What had gone from segments may be back after the manifest was made again, and goes once more. Source:
/// docs/formats/manifest.md, "Where it is gone".
@Suite struct RemadeManifestTests {
    enum Loss: CaseIterable {
        case damaged, missing

        func apply(_ folder: String) throws {
            let path = folder + "/segments/manifest"
            switch self {
            case .missing: #expect(unlink(path) == 0)
            case .damaged:
                let file = try #require(fopen(path, "r+"))
                fseek(file, 100, SEEK_SET)
                let byte = fgetc(file)
                fseek(file, 100, SEEK_SET)
                fputc(byte ^ 1, file)
                fclose(file)
            }
        }
    }

    private static func options() -> BrokerOptions {
        var options = BrokerOptions()
        options.compactionPauseMilliseconds = 20
        return options
    }

    private static func topicLog(_ broker: Broker) throws -> PartitionLog {
        let stream = try #require(broker.catalog.stream(topicName: "t"))
        return try #require(broker.log(of: stream, partition: 0))
    }

    private static func until(
        _ fixture: BrokerFixture, _ find: @escaping @Sendable (Broker) throws -> PartitionLog,
        _ isReached: ([FetchedRecord]) -> Bool
    ) async throws -> [FetchedRecord] {
        var records: [FetchedRecord] = []
        for _ in 0..<500 {
            records = try await fixture.durably { try $0.fetchAll(try find($0)) }
            if isReached(records) { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        return records
    }

    /// With a topic of which compaction by key has left the last five records of 200, all of which the write-ahead log still has.
    private static func compacted() async throws -> (BrokerFixture, left: [FetchedRecord]) {
        let fixture = try BrokerFixture(options())
        let config = ["cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"]
        _ = try await fixture.durably { try $0.createTopic("t", partitionCount: 1, config: config) }
        for part in 0..<10 {
            let batch = producedBatch((0..<20).map { ("key-\($0 % 5)", "\(part), \($0)") })
            _ = try await fixture.durably { broker in
                let stream = try #require(broker.catalog.stream(topicName: "t"))
                guard case .appended = broker.produce(
                    batch.span.bytes, to: try topicLog(broker), of: stream, allowsZstd: true)
                else { throw CatalogFailure.refused(.noSuchStream) }
            }
        }
        let left = try await until(fixture, topicLog) { $0.count == 5 }
        #expect(left.map(\.offset) == Array(195..<200))
        return (fixture, left)
    }

    @Test(arguments: Loss.allCases)
    func `old versions of keys that came back are compacted away again, though nothing is written`(loss: Loss) async throws {
        let (fixture, left) = try await Self.compacted()
        defer { fixture.remove() }
        // Held back for a start, to see that they are back.
        let id = try await fixture.durably { try #require($0.catalog.stream(topicName: "t")).id }
        let lag = ["cleanup.policy": "compact", "segment.ms": "100", "min.compaction.lag.ms": "3600000"]
        _ = try await fixture.durably { try $0.configureTopic(id, config: lag) }
        try fixture.restart { try loss.apply(fixture.folder) }
        #expect(try await fixture.durably { try $0.fetchAll(try Self.topicLog($0)) }.count == 200)
        _ = try await fixture.durably {
            try $0.configureTopic(id, config: ["cleanup.policy": "compact", "segment.ms": "100"])
        }
        #expect(try await Self.until(fixture, Self.topicLog) { $0.count == 5 } == left)
        // And are not expected back once they are gone.
        for isClean in [false, true] {
            try fixture.restart(isClean: isClean)
            #expect(try await fixture.durably { try $0.fetchAll(try Self.topicLog($0)) } == left)
        }
    }

    @Test(arguments: Loss.allCases)
    func `that a manifest was made again is known after a crash before the next snapshot`(loss: Loss) async throws {
        let (fixture, left) = try await Self.compacted()
        defer { fixture.remove() }
        let id = try await fixture.durably { try #require($0.catalog.stream(topicName: "t")).id }
        let lag = ["cleanup.policy": "compact", "segment.ms": "100", "min.compaction.lag.ms": "3600000"]
        _ = try await fixture.durably { try $0.configureTopic(id, config: lag) }
        try fixture.restart { try loss.apply(fixture.folder) }
        // What came back is made segments of, with a manifest that is whole.
        for _ in 0..<500 {
            let isRolledUp = try await fixture.durably { [store = fixture.store] broker in
                let log = try Self.topicLog(broker)
                return store.activePart(of: log.id) == nil && !store.segments(of: log.id).isEmpty
            }
            if isRolledUp { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        try fixture.restart(isClean: false)
        #expect(fixture.summary.findings == [])
        #expect(try await fixture.durably { try $0.fetchAll(try Self.topicLog($0)) }.count == 200)
        _ = try await fixture.durably {
            try $0.configureTopic(id, config: ["cleanup.policy": "compact", "segment.ms": "100"])
        }
        #expect(try await Self.until(fixture, Self.topicLog) { $0.count == 5 } == left)
    }

    @Test(arguments: Loss.allCases)
    func `what JetStream has removed stays removed, and its space comes back again`(loss: Loss) async throws {
        let find: @Sendable (Broker) throws -> PartitionLog = { try #require(try $0.stream(named: "S")) }
        let fixture = try BrokerFixture(Self.options(), store: .small)
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            let json = #"{"name":"S","subjects":["s.>"],"max_msgs_per_subject":1}"#
            let request = try StreamConfigRequest(Array(json.utf8).span.bytes)
            _ = try broker.createStream(request, nameInSubject: request.config.name)
        }
        for start in stride(from: 0, to: 16_000, by: 40) {
            _ = try await fixture.durably { broker in
                for number in start..<start + 40 {
                    let subject = Array("s.\(number % 50)".utf8)
                    let payload = [UInt8](repeating: UInt8(97 + number % 26), count: 200)
                    guard case .stored = broker.publish(
                        to: try find(broker), subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
                    else { throw JetStreamError.streamNotFound }
                }
            }
        }
        func byteCount(atMost limit: Int64) async throws -> Int64 {
            var found: Int64 = 0
            for _ in 0..<400 {
                found = try await fixture.durably { $0.byteCount(of: try find($0)) }
                if found <= limit { break }
                try await Task.sleep(nanoseconds: 20_000_000)
            }
            return found
        }
        #expect(try await byteCount(atMost: 900_000) <= 900_000)
        let before = try await fixture.durably { try $0.fetchAll(try find($0)) }
        #expect(before.count == 50)
        try fixture.restart { try loss.apply(fixture.folder) }
        // Where the log has all, a lost manifest cannot be told from one that never was.
        #expect(fixture.summary.findings.contains { $0.contains("manifest") } == (loss == .damaged))
        #expect(try await fixture.durably { try $0.fetchAll(try find($0)) } == before)
        #expect(try await fixture.durably { try $0.messagesInView(of: try find($0)).0 } == 50)
        #expect(try await byteCount(atMost: 900_000) <= 900_000)
        #expect(try await fixture.durably { try $0.fetchAll(try find($0)) } == before)
    }
}
