import Broker
import Catalog
import JetStream
import Model
import Storage
import Testing

/// When what is new of a compacted topic is compacted. Source: Kafka documentation, "Topic Configs"; KIP-354.
@Suite struct ActivePartTests {
    private static let day: Int64 = 86_400_000
    private static let begin: Int64 = 1_700_000_000_000

    private static func ends(_ config: [String: String], byteCount: Int64, after milliseconds: Int64) -> Bool {
        let part = LogStore.ActivePart(
            byteCount: byteCount, firstAppendTime: Timestamp(nanoseconds: begin * 1_000_000))
        return CompactionSettings(TopicSettings(config)).endsActivePart(part, nowMilliseconds: begin + milliseconds)
    }

    @Test func `by default it is active for seven days, or up to a gigabyte`() {
        #expect(!Self.ends([:], byteCount: 1, after: 0))
        #expect(!Self.ends([:], byteCount: 1, after: 7 * Self.day - 1))
        #expect(Self.ends([:], byteCount: 1, after: 7 * Self.day))
        #expect(!Self.ends([:], byteCount: 1 << 30 - 1, after: 0))
        #expect(Self.ends([:], byteCount: 1 << 30, after: 0))
        // A clock that goes back ends nothing.
        #expect(!Self.ends([:], byteCount: 1, after: -Self.day))
    }

    @Test func `segment.ms, segment.bytes and max.compaction.lag.ms end it earlier, whichever comes first`() {
        #expect(Self.ends(["segment.ms": "1000"], byteCount: 1, after: 1_000))
        #expect(!Self.ends(["segment.ms": "1000"], byteCount: 1, after: 999))
        #expect(Self.ends(["segment.bytes": "100"], byteCount: 100, after: 0))
        #expect(!Self.ends(["segment.bytes": "100"], byteCount: 99, after: 0))
        #expect(Self.ends(["max.compaction.lag.ms": "5000"], byteCount: 1, after: 5_000))
        #expect(!Self.ends(["max.compaction.lag.ms": "5000"], byteCount: 1, after: 4_999))
        #expect(Self.ends(["max.compaction.lag.ms": "5000", "segment.ms": "1000"], byteCount: 1, after: 1_000))
        #expect(Self.ends(["max.compaction.lag.ms": "1000", "segment.ms": "5000"], byteCount: 1, after: 1_000))
        #expect(!Self.ends(["segment.ms": "9223372036854775807"], byteCount: 1, after: 100_000 * Self.day))
    }

    @Test func `a least lag above the greatest is refused`() {
        #expect(throws: TopicSettings.Refusal.self) {
            try TopicSettings.validate(["min.compaction.lag.ms": "2", "max.compaction.lag.ms": "1"])
        }
        #expect(throws: Never.self) {
            try TopicSettings.validate(["min.compaction.lag.ms": "1", "max.compaction.lag.ms": "1"])
        }
    }

    @Test(arguments: ["segment.ms", "segment.bytes", "max.compaction.lag.ms"])
    func `a small load is compacted in time, and what is not due stays`(setting: String) async throws {
        var options = BrokerOptions()
        options.compactionPauseMilliseconds = 20
        let fixture = try BrokerFixture(options)
        defer { fixture.remove() }
        // The lag says it, whatever the share of what is new.
        let ratio = setting == "max.compaction.lag.ms" ? "1" : "0.01"
        let topics = [
            "due": ["cleanup.policy": "compact", setting: "100", "min.cleanable.dirty.ratio": ratio],
            "not": ["cleanup.policy": "compact", "min.cleanable.dirty.ratio": ratio],
        ]
        let log: @Sendable (String, Broker) throws -> PartitionLog = { name, broker in
            let stream = try #require(broker.catalog.stream(topicName: name))
            return try #require(broker.log(of: stream, partition: 0))
        }
        _ = try await fixture.durably { broker in
            for (name, config) in topics { _ = try broker.createTopic(name, partitionCount: 1, config: config) }
        }
        for round in 0..<3 {
            for part in 0..<10 {
                let batch = producedBatch((0..<20).map { ("key-\($0 % 5)", "\(round), \(part), \($0)") })
                _ = try await fixture.durably { broker in
                    for name in topics.keys {
                        let stream = try #require(broker.catalog.stream(topicName: name))
                        guard case .appended = broker.produce(
                            batch.span.bytes, to: try log(name, broker), of: stream, allowsZstd: true)
                        else { throw CatalogFailure.refused(.noSuchStream) }
                    }
                }
            }
            var records: [FetchedRecord] = []
            for _ in 0..<500 {
                records = try await fixture.durably { try $0.fetchAll(try log("due", $0)) }
                if records.count == 5 { break }
                try await Task.sleep(nanoseconds: 20_000_000)
            }
            #expect(records.map(\.offset) == (0..<5).map { Int64(round * 200 + 195 + $0) })
            try fixture.restart(isClean: round == 1)
            #expect(try await fixture.durably { try $0.fetchAll(try log("due", $0)) } == records)
        }
        #expect(try await fixture.durably { try $0.fetchAll(try log("not", $0)).count } == 600)
        try await fixture.wake { try log("due", $0) }
        #expect(try await fixture.durably { try log("due", $0).view?.messageCount } == 5)
    }
}
