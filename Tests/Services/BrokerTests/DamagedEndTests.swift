import Broker
import Bytes
import Catalog
import FoundationEssentials
import JetStreamAPI
import Model
import Testing

/// Damage in a log's last batch. Source: docs/formats/wal.md, "Torn or damaged".
@Suite struct DamagedEndTests {
    private static func publish(_ payload: String, to id: LogID, _ fixture: BrokerFixture) async throws -> UInt64? {
        try await fixture.durably { broker in
            let log = try #require(broker.log(id))
            let (subject, payload) = (Array("orders.a".utf8), Array(payload.utf8))
            guard
                case .stored(let sequence) = broker.publish(
                    to: log, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
            else { return nil }
            return sequence.value
        }
    }

    @Test(arguments: [true, false])
    func `sequences of a last batch that is damaged are not given out again`(isHeaderWhole: Bool) async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let id = try await fixture.durably { broker in
            var request = try StreamConfigRequest(Array(#"{"name":"orders"}"#.utf8).span.bytes)
            request.config.subjects = ["orders.>"]
            return try broker.createStream(request, nameInSubject: "orders").id
        }
        _ = try await Self.publish("the-first", to: id, fixture)
        _ = try await Self.publish("the-last-of-all", to: id, fixture)
        // What comes behind it says where the stream ended.
        try await fixture.durably { try $0.deleteMessage(StreamSequence(1), from: try #require($0.log(id))) }
        var damagedCount = 0
        try fixture.restart(isClean: false) {
            let folder = fixture.folder + "/wal/"
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".wal") {
                let path = folder + name
                var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
                guard let place = bytes.firstRange(of: Array("the-last-of-all".utf8)) else { continue }
                bytes[place.lowerBound] ^= 1
                if !isHeaderWhole, let before = bytes.firstRange(of: Array("the-first".utf8)) {
                    // The record before ends, and the frame begins, within a few bytes.
                    for byte in before.upperBound + 16..<place.lowerBound { bytes[byte] = 0x55 }
                }
                try Data(bytes).write(to: URL(filePath: path))
                damagedCount += 1
            }
        }
        #expect(damagedCount == 1)
        #expect(fixture.summary.findings.count == 1, "\(fixture.summary.findings)")
        #expect(fixture.summary.findings[0].contains("offsets 1...1") == isHeaderWhole, "\(fixture.summary.findings)")
        #expect(try await Self.publish("next", to: id, fixture) == 3)
    }

    @Test func `a topic without a view is sent from files although its last batch was damaged`() async throws {
        let fixture = try BrokerFixture(store: .small)
        defer { fixture.remove() }
        let find: @Sendable (Broker, String) throws -> PartitionLog = { broker, name in
            let stream = try #require(broker.catalog.stream(topicName: name))
            return try #require(broker.log(of: stream, partition: 0))
        }
        func produce(_ values: [String], to topic: String) async throws {
            let batch = producedBatch(values.map { (nil, $0) })
            _ = try await fixture.durably { broker in
                let stream = try #require(broker.catalog.stream(topicName: topic))
                guard case .appended = broker.produce(
                    batch.span.bytes, to: try find(broker, topic), of: stream, allowsZstd: true)
                else { throw CatalogFailure.refused(.noSuchStream) }
            }
        }
        func fileByteCount() async throws -> Int {
            try await fixture.durably { broker in
                var count = 0
                let records = try broker.fetchAll(try find(broker, "t")) { count += $0 }
                #expect(records.map(\.offset) == Array(0..<400) + [401])
                return count
            }
        }
        _ = try await fixture.durably { broker in
            for name in ["t", "other"] { _ = try broker.createTopic(name, partitionCount: 1, config: [:]) }
        }
        for part in 0..<20 {
            try await produce((0..<20).map { _ in String(repeating: String(part), count: 4_000) }, to: "t")
        }
        try await produce(["the-last-of-all"], to: "t")
        try await produce(["behind it"], to: "other")
        try fixture.restart(isClean: false) {
            let folder = fixture.folder + "/wal/"
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".wal") {
                let path = folder + name
                var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
                guard let place = bytes.firstRange(of: Array("the-last-of-all".utf8)) else { continue }
                bytes[place.lowerBound] ^= 1
                try Data(bytes).write(to: URL(filePath: path))
            }
            // As after a kill, which leaves no index of the log's end.
            try FileManager.default.removeItem(atPath: fixture.folder + "/segments/tail")
        }
        #expect(fixture.summary.findings.count == 1, "\(fixture.summary.findings)")
        try await produce(["next"], to: "t")
        #expect(try await fileByteCount() > 512 << 10)
        try fixture.restart()
        #expect(try await fileByteCount() > 512 << 10)
        let hasView = try await fixture.durably { try find($0, "t").view != nil }
        #expect(!hasView)
    }
}
