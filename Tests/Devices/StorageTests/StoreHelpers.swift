import Bytes
import Model
import Storage
import Testing

/// Small files on a disk in memory, and no thread in the background.
func storeOptions(_ disk: MemoryFileSystem) -> LogStore.Options {
    var store = LogStore.Options()
    store.wal = options(disk)
    store.wal.runsThreads = false
    store.wal.tailByteCount = 0
    store.wal.fatal = { _ in }
    store.runsThread = false
    store.rollUpByteCount = 128 << 10
    store.segmentByteCount = 40 << 10
    store.ownFileByteCount = 20 << 10
    store.mergeSegmentCount = 0
    return store
}

/// Opens the store in `/data` and replays it.
func openStore(_ disk: MemoryFileSystem) throws -> LogStore {
    let store = try LogStore(directory: "/data", options: storeOptions(disk))
    let report = try store.replay { _, _, _ in }
    #expect(report.damage.isEmpty)
    return store
}

extension LogStore {
    /// Runs background work until there is nothing to do.
    func runAll() {
        repeat { submit() } while runOneStep()
        submit()
    }

    /// Has everything of complete files in segments.
    func rollUpAll() {
        wal.flush()
        while rollUp() { runAll() }
    }

    @discardableResult
    func append(_ header: FrameHeader, _ bytes: [UInt8]) throws -> WALPosition {
        try append(header, bytes.span.bytes)
    }
}

/// What a store should hold, kept apart.
struct Model {
    struct Batch: Equatable {
        var base: Int64
        var last: Int64
        var bytes: [UInt8]
        var time: Int64
        var timestamp: Int64
    }

    var logs: [UInt32: [Batch]] = [:]
    /// Where logs begin that may have no batch left.
    var floors: [UInt32: Int64] = [:]
    private var clock: Int64 = 1_000_000
    /// A start may lie inside a segment, which then counts as a whole.
    private var isShortened = false

    /// A batch header of Kafka's with `records` behind it; only what Storage reads is set.
    static func batch(base: Int64, last: Int64, timestamp: Int64, records: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.int(base)
        writer.int(Int32(49 + records.count))
        writer.int(Int32(0))
        writer.int(UInt8(2))
        var rest = ByteWriter()
        rest.int(Int16(0))
        rest.int(Int32(last - base))
        rest.int(timestamp)
        rest.int(timestamp)
        rest.int(Int64(-1))
        rest.int(Int16(-1))
        rest.int(Int32(-1))
        rest.int(Int32(last - base + 1))
        rest.append(records)
        writer.int(crc32c(rest.bytes.span.bytes))
        writer.append(rest.bytes)
        return writer.bytes
    }

    /// Appends a batch of any size to any log, sometimes behind a gap.
    mutating func append(
        to store: LogStore, _ random: inout SeededRandom, logCount: UInt64 = 5
    ) throws {
        try append(to: store, log: UInt32(1 + random.next() % logCount), &random)
    }

    @discardableResult
    mutating func append(
        to store: LogStore, log: UInt32, _ random: inout SeededRandom
    ) throws -> Batch {
        let end = max((logs[log]?.last?.last ?? -1) + 1, floors[log] ?? 0)
        let base = random.next() % 10 == 0 ? end + Int64(random.next() % 5) : end
        let last = base + Int64(random.next() % 20)
        // Clocks go back now and then.
        clock += random.next() % 50 == 0 ? -300 : Int64(random.next() % 20)
        let timestamp = clock / 10 - Int64(random.next() % 30)
        let size = Int(random.next() % (random.next() % 20 == 0 ? 9000 : 700))
        let bytes = Self.batch(
            base: base, last: last, timestamp: timestamp,
            records: payload(Int(truncatingIfNeeded: base), byteCount: size))
        let header = FrameHeader(
            kind: .batch, log: LogID(log), baseOffset: Offset(base), lastOffset: Offset(last),
            appendTime: Timestamp(nanoseconds: clock))
        try store.append(header, bytes)
        let batch = Batch(base: base, last: last, bytes: bytes, time: clock, timestamp: timestamp)
        logs[log, default: []].append(batch)
        return batch
    }

    /// Takes away what ends before `offset`.
    mutating func deleteBelow(_ offset: Int64, of log: UInt32, in store: LogStore) {
        logs[log]?.removeAll { $0.last < offset }
        isShortened = true
        store.deleteBelow(Offset(offset), of: LogID(log))
    }

    /// What is left when this was taken away: of a log everything below an offset, or all.
    func without(_ removals: [(log: UInt32, start: Int64?)]) -> Model {
        var left = self
        for (log, start) in removals {
            left.isShortened = true
            left.logs[log]?.removeAll { batch in start.map { batch.last < $0 } ?? true }
            if start == nil { left.logs[log] = nil }
        }
        return left
    }

    /// After a crash: what was not durable may be gone.
    mutating func forgetWhatIsMissing(in store: LogStore) {
        for (log, batches) in logs {
            let last = store.lastOffset(of: LogID(log))?.value ?? -1
            logs[log] = batches.filter { $0.last <= last }
        }
    }

    mutating func delete(_ log: UInt32, in store: LogStore) {
        logs[log] = nil
        store.deleteLog(LogID(log))
    }

    /// Compares everything with the store.
    func check(_ store: LogStore, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for (id, batches) in logs {
            let log = LogID(id)
            var walk = store.batches(of: log, from: Offset(0))
            for batch in batches {
                let found = try #require(try walk.next(), sourceLocation: sourceLocation)
                #expect(
                    found.baseOffset.value == batch.base && found.lastOffset.value == batch.last
                        && found.byteCount == batch.bytes.count
                        && found.appendTime.nanoseconds == batch.time
                        && found.maxTimestampMilliseconds == batch.timestamp,
                    "log \(id): \(found)", sourceLocation: sourceLocation)
                #expect(
                    try store.read(found, verifying: true) == batch.bytes,
                    sourceLocation: sourceLocation)
                for offset in [batch.base, batch.last] {
                    #expect(
                        try store.batch(of: log, holding: Offset(offset)) == found,
                        sourceLocation: sourceLocation)
                }
                let early = batches.first { $0.time >= batch.time }
                #expect(
                    try store.firstBatch(of: log, appendedAt: found.appendTime)?.baseOffset.value
                        == early?.base, sourceLocation: sourceLocation)
                let young = batches.first { $0.timestamp >= batch.timestamp }
                #expect(
                    try store.firstBatch(of: log, withTimestamp: batch.timestamp)?.baseOffset
                        .value == young?.base, sourceLocation: sourceLocation)
            }
            #expect(try walk.next() == nil, sourceLocation: sourceLocation)
            let byteCount = Int64(batches.reduce(0) { $0 + $1.bytes.count })
            #expect(
                isShortened
                    ? store.byteCount(of: log) >= byteCount
                    : store.byteCount(of: log) == byteCount, sourceLocation: sourceLocation)
        }
    }
}
