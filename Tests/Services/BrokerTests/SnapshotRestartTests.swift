import Broker
import Bytes
import Catalog
import FoundationEssentials
import JetStream
import JetStreamAPI
import KafkaCoordination
import Logging
import Model
import Storage
import Testing
import Transport

/// What a start reads from snapshots, and what it does without. Source: docs/formats/snapshot-machines.md.
@Suite struct SnapshotRestartTests {
    private static func make(_ json: String, _ broker: Broker) throws -> PartitionLog {
        let request = try StreamConfigRequest(Array(json.utf8).span.bytes)
        return try broker.createStream(request, nameInSubject: request.config.name)
    }

    private static func publish(_ count: Int, from first: Int = 0, subjects: Int, _ broker: Broker) throws {
        let log = try #require(try broker.stream(named: "orders"))
        for number in first..<first + count {
            let subject = Array("orders.\(number % subjects)".utf8)
            let payload = Array("value \(number)".utf8)
            guard case .stored = broker.publish(
                to: log, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
            else { throw JetStreamError.streamNotFound }
        }
    }

    private static func makeAll(_ fixture: BrokerFixture, count: Int, subjects: Int) async throws {
        _ = try await fixture.durably { broker in
            let log = try make(#"{"name":"orders","subjects":["orders.>"]}"#, broker)
            let body = Array(
                #"{"stream_name":"orders","config":{"durable_name":"billing","ack_policy":"explicit"}}"#.utf8)
            _ = try broker.createConsumer(
                CreateConsumerRequest(body.span.bytes), subject: .named("billing", filter: nil), on: log)
            _ = try broker.createTopic("events", partitionCount: 3, config: ["retention.ms": "1000000"])
            let (_, decision, failure) = broker.coordinate { groups, now in
                groups.commit(
                    group: "g", MemberIdentity(memberID: "", instanceID: nil), generation: -1,
                    [
                        OffsetCommit(
                            topic: "events", partition: 1, offset: Offset(17), leaderEpoch: 0,
                            metadata: "m")
                    ], now: now)
            }
            _ = decision
            #expect(failure == nil)
            try publish(count, subjects: subjects, broker)
            return true
        }
        _ = try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "orders"))
            try broker.deleteMessage(StreamSequence(3), from: log)
            return true
        }
    }

    private static func expectAll(
        _ fixture: BrokerFixture, count: Int, subjects: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        _ = try await fixture.durably { broker in
            let log = try #require(try broker.stream(named: "orders"), sourceLocation: sourceLocation)
            let state = broker.streamInfo(log, leader: nil).state
            #expect(state.messages == UInt64(count - 1), sourceLocation: sourceLocation)
            #expect(state.lastSequence == UInt64(count), sourceLocation: sourceLocation)
            #expect(state.subjectCount == subjects, sourceLocation: sourceLocation)
            #expect(state.deletedCount == 1, sourceLocation: sourceLocation)
            let consumer = try #require(log.consumers["billing"], sourceLocation: sourceLocation)
            #expect(
                broker.consumerInfo(consumer).pendingCount == UInt64(count - 1),
                sourceLocation: sourceLocation)
            for sequence in [1, 2, 4, count] {
                let text = try broker.withMessage(StreamSequence(UInt64(sequence)), of: log) {
                    _, _, payload, _ in String(repairingUTF8: payload)
                }
                #expect(text == "value \(sequence - 1)", sourceLocation: sourceLocation)
            }
            #expect(try broker.withMessage(StreamSequence(3), of: log) { _, _, _, _ in 1 } == nil)
            let topic = try #require(broker.catalog.stream(topicName: "events"))
            #expect(topic.partitionCount == 3, sourceLocation: sourceLocation)
            #expect(topic.topicConfig["retention.ms"] == "1000000", sourceLocation: sourceLocation)
            #expect(
                broker.groups.offsets["g", "events", 1]?.offset == Offset(17),
                sourceLocation: sourceLocation)
            return true
        }
    }

    private static func options(interval: Int) -> BrokerOptions {
        var options = BrokerOptions()
        options.snapshotIntervalByteCount = interval
        return options
    }

    @Test func `after a clean end nothing is replayed and all is there`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 200, subjects: 7)
        #expect(fixture.summary.replayedFrameCount == 0)
        try fixture.restart()
        #expect(fixture.summary.replayedFrameCount == 0)
        #expect(fixture.summary.findings == [])
        try await Self.expectAll(fixture, count: 200, subjects: 7)
        _ = try await fixture.durably { try Self.publish(50, from: 200, subjects: 7, $0) }
        try fixture.restart()
        #expect(fixture.summary.replayedFrameCount == 0)
        try await Self.expectAll(fixture, count: 250, subjects: 7)
    }

    @Test func `snapshots that are taken at work and what came later make the same`() async throws {
        let fixture = try BrokerFixture(Self.options(interval: 100_000))
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 1_000, subjects: 7)
        for round in 1...20 {
            _ = try await fixture.durably { broker in
                try Self.publish(500, from: round * 500 + 500, subjects: 7, broker)
                // Enough for a round of snapshots each time.
                let bulk = try Self.make(#"{"name":"bulk","subjects":["bulk"]}"#, broker)
                let subject = Array("bulk".utf8)
                let payload = [UInt8](repeating: 1, count: 300_000)
                _ = broker.publish(
                    to: bulk, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
            }
            if round % 7 == 0 { try fixture.restart(isClean: false) }
        }
        try fixture.restart(isClean: false)
        #expect(fixture.summary.findings == [])
        #expect(fixture.summary.replayedFrameCount < 12)
        try await Self.expectAll(fixture, count: 11_000, subjects: 7)
    }

    @Test func `a log with many subjects has snapshots of its own`() async throws {
        let fixture = try BrokerFixture(Self.options(interval: 1 << 20))
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 12_000, subjects: 9_000)
        try fixture.restart()
        #expect(try Self.files(fixture).contains { $0.hasPrefix("log-") })
        #expect(fixture.summary.replayedFrameCount == 0)
        try await Self.expectAll(fixture, count: 12_000, subjects: 9_000)
        // It has not changed, so its file stays as it is, and is good for later rounds too.
        _ = try await fixture.durably { broker in
            _ = try broker.createTopic("more", partitionCount: 1, config: [:])
        }
        try fixture.restart()
        #expect(fixture.summary.replayedFrameCount == 0)
        try await Self.expectAll(fixture, count: 12_000, subjects: 9_000)
    }

    @Test(arguments: ["core-0", "core-1", "log-1-0", "log-1-1", "all"])
    func `a damaged snapshot costs a longer replay and nothing else`(_ name: String) async throws {
        let fixture = try BrokerFixture(Self.options(interval: 1 << 20))
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 9_000, subjects: 9_000)
        try fixture.restart()
        _ = try await fixture.durably { try Self.publish(3_000, from: 9_000, subjects: 9_000, $0) }
        try fixture.restart {
            var damagedCount = 0
            for file in try Self.files(fixture) where name == "all" || file == name + ".snap" {
                let path = fixture.folder + "/snapshots/" + file
                var bytes = try Data(contentsOf: URL(filePath: path))
                bytes[bytes.count / 2] ^= 0x10
                try bytes.write(to: URL(filePath: path))
                damagedCount += 1
            }
            #expect(damagedCount > 0)
        }
        // The older file of a log is not even read while the newer one is good.
        #expect(fixture.summary.findings.isEmpty == (name == "log-1-0"))
        try await Self.expectAll(fixture, count: 12_000, subjects: 9_000)
    }

    @Test func `what is published after the end of the log was lost stays`() async throws {
        let fixture = try BrokerFixture(Self.options(interval: 1 << 10))
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 100, subjects: 7)
        for round in 2..<40 {
            _ = try await fixture.durably { try Self.publish(50, from: round * 50, subjects: 7, $0) }
        }
        try fixture.restart(isClean: false) {
            try FileManager.default.removeItem(atPath: fixture.folder + "/wal/00000000000000000001.wal")
        }
        try #require(fixture.summary.streamCount > 0)
        #expect(!fixture.summary.findings.isEmpty)
        for round in 0..<3 {
            let end = try await fixture.durably { broker in
                try Self.publish(1, from: round, subjects: 7, broker)
                return try broker.stream(named: "orders")?.endOffset
            }
            try fixture.restart(isClean: false)
            #expect(try await fixture.durably { try $0.stream(named: "orders")?.endOffset } == end)
        }
    }

    @Test(arguments: [false, true])
    func `without any snapshot a log that needs one is left as it is`(isManifestLost: Bool) async throws {
        var store = LogStore.Options()
        store.wal.fileByteCount = 1 << 20
        store.rollUpByteCount = 2 << 20
        let fixture = try BrokerFixture(Self.options(interval: 1 << 20), store: store)
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 1_000, subjects: 7)
        for round in 1...40 {
            _ = try await fixture.durably { broker in
                try Self.publish(500, from: round * 500 + 500, subjects: 7, broker)
                let bulk = try Self.make(#"{"name":"bulk","subjects":["bulk"]}"#, broker)
                let payload = [UInt8](repeating: 1, count: 300_000)
                _ = broker.publish(
                    to: bulk, subject: Array("bulk".utf8).span.bytes, headers: RawSpan(), payload: payload.span.bytes)
            }
        }
        let manager = FileManager.default
        try fixture.restart(isClean: false) {
            #expect(!manager.fileExists(atPath: fixture.folder + "/wal/00000000000000000001.wal"))
            let aside = fixture.folder + "/aside"
            try manager.moveItem(atPath: fixture.folder + "/snapshots", toPath: aside)
            let manifest = fixture.folder + "/segments/manifest"
            if isManifestLost { try manager.moveItem(atPath: manifest, toPath: aside + "/manifest") }
            func everything() throws -> [String: Int] {
                var sizes: [String: Int] = [:]
                for name in ["wal", "segments"] {
                    for file in try manager.contentsOfDirectory(atPath: fixture.folder + "/" + name)
                    where file != "tail" {
                        sizes[file] = try Data(contentsOf: URL(filePath: "\(fixture.folder)/\(name)/\(file)")).count
                    }
                }
                return sizes
            }
            let before = try everything()
            let group = try EventLoopGroup(loopCount: 1)
            let again = try LogStore(directory: fixture.folder, options: store)
            let broker = Broker(loop: group.loops[0], store: again, options: .init(), log: Logger(label: "test"))
            #expect {
                try broker.recover()
            } throws: { error in
                if case StorageError.snapshotsLost = error { return true }
                return false
            }
            again.close()
            #expect(try everything() == before)
            try manager.removeItem(atPath: fixture.folder + "/snapshots")
            if isManifestLost { try manager.moveItem(atPath: aside + "/manifest", toPath: manifest) }
            try manager.moveItem(atPath: aside, toPath: fixture.folder + "/snapshots")
        }
        #expect(fixture.summary.findings == [])
        try await Self.expectAll(fixture, count: 21_000, subjects: 7)
    }

    @Test func `a stream whose making was damaged does not lend its log to the next`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await Self.makeAll(fixture, count: 200, subjects: 7)
        _ = try await fixture.durably { broker in
            let lost = try Self.make(#"{"name":"lost","subjects":["lost"]}"#, broker)
            for _ in 0..<10 {
                _ = broker.publish(
                    to: lost, subject: Array("lost".utf8).span.bytes, headers: RawSpan(),
                    payload: Array("of the lost".utf8).span.bytes)
            }
        }
        try fixture.restart(isClean: false) {
            let path = fixture.folder + "/wal/00000000000000000001.wal"
            var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            let place = try #require(bytes.firstRange(of: Array("\"name\":\"lost\"".utf8)) ?? bytes.firstRange(of: Array("lost".utf8)))
            bytes[place.lowerBound] ^= 1
            try Data(bytes).write(to: URL(filePath: path))
        }
        #expect(fixture.summary.findings.count == 1, "\(fixture.summary.findings)")
        for _ in 1...2 {
            _ = try await fixture.durably { broker in
                let next = try Self.make(#"{"name":"next","subjects":["next"]}"#, broker)
                _ = broker.publish(
                    to: next, subject: Array("next".utf8).span.bytes, headers: RawSpan(),
                    payload: Array("of the next".utf8).span.bytes)
                let text = try broker.withMessage(StreamSequence(1), of: next) { _, _, payload, _ in
                    String(repairingUTF8: payload)
                }
                #expect(text == "of the next")
            }
            try fixture.restart(isClean: false)
        }
        try await Self.expectAll(fixture, count: 200, subjects: 7)
    }

    private static func files(_ fixture: BrokerFixture) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixture.folder + "/snapshots")
    }
}
