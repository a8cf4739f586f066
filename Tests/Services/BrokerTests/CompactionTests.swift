import Broker
import Bytes
import Catalog
import Glibc
import JetStream
import JetStreamAPI
import KafkaProtocol
import Model
import Records
import Storage
import Testing
import Transport

/// Compaction by key of Kafka's topics. Source: Kafka documentation, "Log Compaction"; KIP-58, KIP-354, KIP-534.
@Suite struct CompactionTests {
    private static func fixture(pauseMilliseconds: Int = 20) throws -> BrokerFixture {
        var options = BrokerOptions()
        options.compactionPauseMilliseconds = pauseMilliseconds
        options.snapshotIntervalByteCount = 1 << 20
        return try BrokerFixture(options, store: .small)
    }

    private static let compacted = ["cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"]

    private static func log(_ broker: Broker) throws -> PartitionLog {
        let stream = try #require(broker.catalog.stream(topicName: "t"))
        return try #require(broker.log(of: stream, partition: 0))
    }

    private static func makeTopic(_ config: [String: String], _ fixture: BrokerFixture) async throws {
        _ = try await fixture.durably { _ = try $0.createTopic("t", partitionCount: 1, config: config) }
    }

    /// What codecs make half as long.
    private static func payload(_ number: Int) -> String {
        var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15
        let letters = (0..<200).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(97 + state >> 60)
        }
        return "value \(number) " + String(decoding: letters, as: UTF8.self)
    }

    /// Produces records in batches of 40.
    private static func produce(
        _ records: [(key: String?, value: String?)], compression: Compression = .none, _ fixture: BrokerFixture
    ) async throws {
        for start in stride(from: 0, to: records.count, by: 40) {
            let batch = try compress(
                producedBatch(Array(records[start..<min(start + 40, records.count)])), compression)
            _ = try await fixture.durably { broker in
                let stream = try #require(broker.catalog.stream(topicName: "t"))
                guard case .appended = broker.produce(
                    batch.span.bytes, to: try log(broker), of: stream, allowsZstd: true)
                else { throw CatalogFailure.refused(.noSuchStream) }
            }
        }
    }

    private static func compress(_ batch: [UInt8], _ compression: Compression) throws -> [UInt8] {
        if compression == .none { return batch }
        var payload = GrowingBytes()
        try compression.compress(batch.span.bytes.from(RecordBatchHeader.byteCount), into: &payload)
        var writer = ByteWriter()
        writer.append(batch[..<RecordBatchHeader.byteCount])
        writer.append(Array(copying: payload.span))
        writer.patch(Int32(writer.count - RecordBatchHeader.lengthOverhead), at: 8)
        writer.bytes[22] = compression.rawValue
        writer.patch(crc32c(writer.bytes.span.bytes.from(21)), at: 17)
        return writer.bytes
    }

    private static func fetch(_ fixture: BrokerFixture) async throws -> [FetchedRecord] {
        try await fixture.durably { try $0.fetchAll(try log($0)) }
    }

    private static func until(
        _ fixture: BrokerFixture, _ isReached: ([FetchedRecord]) -> Bool
    ) async throws -> [FetchedRecord] {
        var found: [FetchedRecord] = []
        for _ in 0..<300 {
            found = try await fetch(fixture)
            if isReached(found) { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        return found
    }

    /// What there is when nothing has changed for a while, so that no pass is under way.
    private static func settled(_ fixture: BrokerFixture) async throws -> [FetchedRecord] {
        var last = try await fetch(fixture)
        for _ in 0..<100 {
            try await Task.sleep(nanoseconds: 150_000_000)
            let now = try await fetch(fixture)
            if now == last { break }
            last = now
        }
        return last
    }

    private static func updates(_ count: Int, keys: Int, from first: Int = 0) -> [(key: String?, value: String?)] {
        (first..<first + count).map { ("key-\($0 % keys)", payload($0)) }
    }

    private static func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    @Test(arguments: [Compression.none, .lz4, .zstd])
    func `the newest record of each key stays where it was, and older ones go`(compression: Compression) async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        try await Self.makeTopic(Self.compacted, fixture)
        // Some keys are written once, at the beginning.
        let rare = (0..<30).map { (key: String?("rare-\($0)"), value: String?(Self.payload($0))) }
        // Compressed there is less of it.
        let count = compression == .none ? 12_000 : 24_000
        try await Self.produce(rare + Self.updates(count, keys: 20), compression: compression, fixture)
        let total = 30 + count
        _ = try await Self.until(fixture) { $0.count < total / 2 }
        let records = try await Self.settled(fixture)
        #expect(records.count < total / 2)
        #expect(Array(records.prefix(30).map { Self.text($0.key) }) == rare.map(\.key))
        #expect(records.allSatisfy { $0.compression == compression || $0.value == nil })
        var newest: [String: Int64] = [:]
        for record in records {
            let place = Int(record.offset) - 30
            let key = try #require(Self.text(record.key))
            #expect(key == (place < 0 ? "rare-\(place + 30)" : "key-\(place % 20)"))
            #expect(Self.text(record.value) == Self.payload(place < 0 ? place + 30 : place))
            newest[key] = max(newest[key] ?? -1, record.offset)
        }
        for number in 0..<20 { #expect(newest["key-\(number)"] == Int64(total - 20 + number)) }
        // It is the same after a crash, and what was seen once is not gone through again.
        let size = try await fixture.durably { $0.byteCount(of: try Self.log($0)) }
        try fixture.restart(isClean: true)
        #expect(try await Self.fetch(fixture) == records)
        try await Task.sleep(nanoseconds: 200_000_000)
        #expect(try await fixture.durably { $0.streamTotals.compactedByteCount } == 0)
        #expect(try await fixture.durably { $0.byteCount(of: try Self.log($0)) } <= size)
    }

    @Test func `a tombstone takes its key along, and goes itself when its time is over`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        let config = Self.compacted.merging(["delete.retention.ms": "3500"]) { $1 }
        try await Self.makeTopic(config, fixture)
        let doomed = (0..<50).map { (key: String?("doomed-\($0)"), value: String?(Self.payload($0))) }
        let tombstones = (0..<50).map { (key: String?("doomed-\($0)"), value: String?.none) }
        try await Self.produce(doomed + tombstones + Self.updates(8_000, keys: 20), fixture)
        // First the values go, and each tombstone is told until when it stays.
        let first = try await Self.until(fixture) { $0.first?.offset == 50 && $0.first?.horizon != nil }
        #expect(first.prefix(50).map(\.offset) == Array(50..<100))
        #expect(first.prefix(50).allSatisfy { $0.value == nil })
        let horizon = try #require(first.first?.horizon)
        let now = Int64(time(nil)) * 1000
        #expect((now - 5_000...now + 5_000).contains(horizon))
        // Later they go as well, although nothing new was written.
        let second = try await Self.until(fixture) { !$0.contains { $0.value == nil } }
        #expect(!second.contains { $0.value == nil })
        #expect(Set(second.suffix(20).compactMap { Self.text($0.key) }).count == 20)
        try fixture.restart(isClean: false)
        #expect(try await !Self.fetch(fixture).contains { $0.value == nil })
    }

    @Test func `a tombstone stays as long as delete.retention.ms says`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        try await Self.makeTopic(Self.compacted, fixture)
        try await Self.produce([("gone", "1"), ("gone", nil)] + Self.updates(8_000, keys: 20), fixture)
        let records = try await Self.until(fixture) { $0.first?.offset == 1 && $0.count < 4_000 }
        #expect(Self.text(records.first?.key) == "gone" && records.first?.value == nil)
        try await Task.sleep(nanoseconds: 300_000_000)
        #expect(try await Self.fetch(fixture).first?.offset == 1)
    }

    @Test func `records younger than min.compaction.lag.ms stay`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        try await Self.makeTopic(Self.compacted.merging(["min.compaction.lag.ms": "3600000"]) { $1 }, fixture)
        try await Self.produce(Self.updates(8_000, keys: 20), fixture)
        try await Task.sleep(nanoseconds: 500_000_000)
        #expect(try await Self.fetch(fixture).count == 8_000)
    }

    @Test func `a log with too little that is new waits, unless max.compaction.lag.ms is over`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        var config = ["cleanup.policy": "compact,delete", "min.cleanable.dirty.ratio": "1"]
        try await Self.makeTopic(config, fixture)
        // Where all is new that is dirty enough even for 1.
        try await Self.produce(Self.updates(4_000, keys: 20), fixture)
        _ = try await Self.until(fixture) { $0.count < 4_000 }
        let compacted = try await Self.settled(fixture).count
        #expect(compacted < 4_000)
        try await Self.produce(Self.updates(5_000, keys: 20, from: 4_000), fixture)
        try await Task.sleep(nanoseconds: 400_000_000)
        #expect(try await Self.fetch(fixture).count == compacted + 5_000)
        config["max.compaction.lag.ms"] = "1"
        let changed = config
        _ = try await fixture.durably { broker in
            let stream = try #require(broker.catalog.stream(topicName: "t"))
            try broker.configureTopic(stream.id, config: changed)
        }
        let later = try await Self.until(fixture) { $0.count < compacted + 1_000 }.count
        #expect(later < compacted + 1_000)
    }

    @Test func `records from before the topic was compacted go where they have no key`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        try await Self.makeTopic([:], fixture)
        try await Self.produce((0..<100).map { (nil, Self.payload($0)) } + Self.updates(6_000, keys: 20), fixture)
        _ = try await fixture.durably { broker in
            let id = try #require(broker.catalog.stream(topicName: "t")).id
            try broker.configureTopic(id, config: Self.compacted)
            let stream = try #require(broker.catalog[id])
            // From now on none is taken, from either side.
            let bare = Array("kafka.t".utf8)
            let outcome = broker.publish(
                to: try Self.log(broker), subject: bare.span.bytes, headers: RawSpan(), payload: bare.span.bytes)
            guard case .refused(let error) = outcome else { throw JetStreamError.streamNotFound }
            #expect("\(error)".contains("needs a key"))
            let keyless = producedBatch([(nil, "x")])
            guard case .refused(.invalidRecord, _, _) = broker.produce(
                keyless.span.bytes, to: try Self.log(broker), of: stream, allowsZstd: true)
            else { throw JetStreamError.streamNotFound }
        }
        let records = try await Self.until(fixture) { $0.count < 4_000 }
        #expect(records.count < 4_000 && !records.contains { $0.key == nil })
    }

    @Test(arguments: [true, false])
    func `JetStream's view has what the disk has`(isWokenBefore: Bool) async throws {
        // Without it being woken before, it is woken again and again while segments are rewritten: a restart makes it go.
        let fixture = try Self.fixture(pauseMilliseconds: 1)
        defer { fixture.remove() }
        try await Self.makeTopic(Self.compacted, fixture)
        if isWokenBefore { try await fixture.wake(Self.log) }
        for round in 0..<8 {
            try await Self.produce(Self.updates(2_500, keys: 700, from: round * 2_500), fixture)
            try await Task.sleep(nanoseconds: UInt64(round) * 3_000_000)
            try await fixture.wake(Self.log)
            try fixture.restart(isClean: round % 2 == 0)
        }
        _ = try await Self.settled(fixture)
        try await fixture.wake(Self.log)
        let (count, sequences) = try await fixture.durably { try $0.messagesInView(of: try Self.log($0)) }
        let records = try await Self.fetch(fixture)
        #expect(sequences.count == Int(count))
        #expect(records.map { UInt64($0.offset + 1) } == sequences)
        #expect(records.count < 12_000)
        #expect(Set(records.suffix(5_000).compactMap { Self.text($0.key) }).count == 700)
    }

    @Test func `JetStream's view has what the disk has where an index is damaged`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        try await Self.makeTopic(Self.compacted.merging(["min.compaction.lag.ms": "3600000"]) { $1 }, fixture)
        // The first one stays, so that the log does not just begin later.
        try await Self.produce([("once", "1")] + Self.updates(7_999, keys: 20), fixture)
        let (path, index) = try await fixture.durably { [store = fixture.store] broker in
            let log = try Self.log(broker)
            let segment = try #require(store.segments(of: log.id).dropFirst().first { $0.byteCount > 64 << 10 })
            return (store.path(of: segment), 64 + segment.byteCount)
        }
        try await fixture.wake(Self.log)
        try fixture.restart {
            let file = try #require(fopen(path, "r+"))
            fseek(file, index, SEEK_SET)
            for _ in 0..<60 { fputc(0x55, file) }
            fclose(file)
            #expect(try !FolderInspection(directory: fixture.folder).verify().isWhole)
        }
        _ = try await fixture.durably { broker in
            let id = try #require(broker.catalog.stream(topicName: "t")).id
            try broker.configureTopic(id, config: Self.compacted)
        }
        let records = try await Self.until(fixture) { $0.count < 4_000 }
        #expect(records.count < 4_000)
        _ = try await Self.settled(fixture)
        let (stored, seen) = try await fixture.durably { [store = fixture.store] broker in
            let log = try Self.log(broker)
            var stored: UInt64 = 0
            var walk = store.batches(of: log.id, from: Offset(0))
            while let batch = try walk.next() {
                let bytes = try store.read(batch)
                stored += UInt64(try RecordBatchHeader(bytes.span.bytes).recordCount)
            }
            return (stored, try broker.messagesInView(of: log).0)
        }
        #expect(stored == seen)
    }

    @Test func `a batch that makes no sense stays, with its segment and all behind it`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        try await Self.makeTopic(Self.compacted.merging(["min.compaction.lag.ms": "3600000"]) { $1 }, fixture)
        try await Self.produce(Self.updates(8_000, keys: 20), fixture)
        let store = fixture.store
        let nonsense = try await fixture.durably { broker in
            let log = try Self.log(broker)
            var bytes = producedBatch((0..<40).map { ("key-\($0)", Self.payload($0)) })
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: log.endOffset.value.bigEndian, toByteOffset: 0, as: Int64.self)
            }
            // Its first record says that it is longer than the batch; the checksum is right.
            for byte in 0..<8 { bytes[RecordBatchHeader.byteCount + byte] = 0x7F }
            let checksum = crc32c(bytes.span.bytes.from(21))
            bytes.withUnsafeMutableBytes {
                $0.storeBytes(of: checksum.bigEndian, toByteOffset: 17, as: UInt32.self)
            }
            let header = FrameHeader(
                kind: .batch, log: log.id, baseOffset: log.endOffset, lastOffset: log.endOffset.advanced(by: 39),
                appendTime: broker.loop.now)
            _ = try store.append(header, bytes.span.bytes)
            store.wal.flush()
            return bytes
        }
        try fixture.restart(isClean: false)
        try await Self.produce(Self.updates(8_000, keys: 20, from: 8_040), fixture)
        _ = try await fixture.durably { broker in
            let id = try #require(broker.catalog.stream(topicName: "t")).id
            try broker.configureTopic(id, config: Self.compacted)
        }
        let again = fixture.store
        var bases: [Int64] = []
        for _ in 0..<300 {
            bases = try await fixture.durably { broker in
                var found: [Int64] = []
                var walk = again.batches(of: try Self.log(broker).id, from: Offset(0))
                while let batch = try walk.next() { found.append(batch.baseOffset.value) }
                return found
            }
            if bases.count < 300 { break }
            try await Task.sleep(nanoseconds: 20_000_000)
        }
        // Passes that came to an end, and went on as far as they could.
        try await Task.sleep(nanoseconds: 300_000_000)
        let (stored, behind) = try await fixture.durably { broker in
            var stored: [UInt8]?
            var behind: [Int64] = []
            var walk = again.batches(of: try Self.log(broker).id, from: Offset(8_000))
            while let batch = try walk.next() {
                if batch.baseOffset.value == 8_000 { stored = try again.read(batch) }
                behind.append(batch.baseOffset.value)
            }
            return (stored, behind)
        }
        #expect(bases.count < 300)
        #expect(stored == nonsense)
        #expect(behind == Array(stride(from: 8_000, to: 16_040, by: 40)))
    }

    @Test func `a stream of JetStream's is not compacted by key`() async throws {
        let fixture = try Self.fixture()
        defer { fixture.remove() }
        _ = try await fixture.durably { broker in
            let request = try StreamConfigRequest(Array(#"{"name":"t","subjects":["t.>"]}"#.utf8).span.bytes)
            _ = try broker.createStream(request, nameInSubject: "t")
            let stream = try #require(broker.catalog.stream(topicName: "t"))
            #expect(throws: CatalogFailure.self) { try broker.configureTopic(stream.id, config: Self.compacted) }
        }
    }
}
