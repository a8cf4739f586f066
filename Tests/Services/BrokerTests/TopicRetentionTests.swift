import Broker
import Bytes
import Catalog
import Model
import Records
import Testing
import Transport

/// Retention of Kafka topics, and that space comes back. Source: Kafka documentation, "Topic Configs".
@Suite struct TopicRetentionTests {
    private static func batch(milliseconds: Int64, byteCount: Int = 10) -> [UInt8] {
        var builder = RecordBatchBuilder()
        builder.append(
            key: nil, value: [UInt8](repeating: 7, count: byteCount), headers: [],
            timestampMilliseconds: milliseconds)
        builder.seal()
        return Array(copying: builder.bytes)
    }

    private static func produce(_ batches: [[UInt8]], config: [String: String], _ broker: Broker) throws {
        if broker.catalog.stream(topicName: "t") == nil {
            _ = try broker.createTopic("t", partitionCount: 1, config: config)
        }
        let stream = try #require(broker.catalog.stream(topicName: "t"))
        let log = try #require(broker.log(of: stream, partition: 0))
        for batch in batches {
            guard case .appended = broker.produce(batch.span.bytes, to: log, of: stream, allowsZstd: true)
            else { throw CatalogFailure.refused(.noSuchStream) }
        }
    }

    private static func start(
        after fixture: BrokerFixture, until wanted: Int64
    ) async throws -> Int64 {
        var start: Int64 = -1
        for _ in 0..<400 {
            start = try await fixture.durably { broker in
                let stream = try #require(broker.catalog.stream(topicName: "t"))
                return try #require(broker.log(of: stream, partition: 0)).startOffset.value
            }
            if start == wanted { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        return start
    }

    private static func options() -> BrokerOptions {
        var options = BrokerOptions()
        options.retentionCheckMilliseconds = 50
        return options
    }

    @Test func `records that are too old go, batch by batch, and stay gone`() async throws {
        let fixture = try BrokerFixture(Self.options())
        defer { fixture.remove() }
        let now = try await fixture.durably { $0.loop.now.milliseconds }
        _ = try await fixture.durably { broker in
            try Self.produce(
                [now - 9_000_000, now - 8_000_000, now - 1_000, now].map { Self.batch(milliseconds: $0) },
                config: ["retention.ms": "3600000"], broker)
        }
        #expect(try await Self.start(after: fixture, until: 2) == 2)
        try fixture.restart()
        #expect(try await Self.start(after: fixture, until: 2) == 2)
        try fixture.restart(isClean: false)
        #expect(try await Self.start(after: fixture, until: 2) == 2)
    }

    @Test func `what is more than retention.bytes goes in steps of segment.bytes`() async throws {
        let fixture = try BrokerFixture(Self.options())
        defer { fixture.remove() }
        let now = try await fixture.durably { $0.loop.now.milliseconds }
        let batches = (0..<20).map { _ in Self.batch(milliseconds: now, byteCount: 1_000) }
        let byteCount = batches[0].count
        _ = try await fixture.durably { broker in
            try Self.produce(
                batches,
                config: [
                    "retention.bytes": "\(5 * byteCount)", "segment.bytes": "\(4 * byteCount)",
                ], broker)
        }
        // 15 batches too many, 4 a step.
        #expect(try await Self.start(after: fixture, until: 12) == 12)
        let left = try await fixture.durably { broker in
            let stream = try #require(broker.catalog.stream(topicName: "t"))
            return broker.byteCount(of: try #require(broker.log(of: stream, partition: 0)))
        }
        #expect(left == Int64(8 * byteCount))
    }

    @Test func `compacted topics and topics without limits keep everything`() async throws {
        for config in [["cleanup.policy": "compact", "retention.ms": "1"], ["retention.ms": "-1"]] {
            let fixture = try BrokerFixture(Self.options())
            defer { fixture.remove() }
            _ = try await fixture.durably { broker in
                _ = try broker.createTopic("t", partitionCount: 1, config: config)
                let stream = try #require(broker.catalog.stream(topicName: "t"))
                let batch = producedBatch([("k", "v")])
                _ = broker.produce(
                    batch.span.bytes, to: try #require(broker.log(of: stream, partition: 0)),
                    of: stream, allowsZstd: true)
            }
            try await Task.sleep(nanoseconds: 300_000_000)
            #expect(try await Self.start(after: fixture, until: 0) == 0)
        }
    }
}
