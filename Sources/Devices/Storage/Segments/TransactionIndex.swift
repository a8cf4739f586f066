import Bytes
import Model

/// What a producer did in one transaction within a stretch of a log: in a segment, or in what only
/// the write-ahead log has.
struct TransactionRun: Equatable, Sendable {
    enum Outcome: UInt8, Sendable {
        case open = 0
        case aborted = 1
        case committed = 2
    }

    static let byteCount = 25

    var producerID: Int64
    /// Of its first batch in the stretch, or of the marker where there is none before it.
    var firstOffset: Offset
    /// The marker's; of the last batch where it is open at the end of the stretch.
    var lastOffset: Offset
    var outcome = Outcome.open
}

/// The transactions of a stretch of a log, found in its batches alone, so that it can be made for any
/// stretch and made again. Kafka has an index of aborted transactions for the same question.
///
/// In a segment that has transactions it lies between the pages of the index and their heads, big
/// endian: for each run i64 producer id, i64 first offset, i64 last offset, u8 outcome; then u32 how
/// many runs, and u32 the CRC-32C of all that, continued from the file's seed.
struct TransactionIndex: Equatable, Sendable {
    /// In the order of their first offsets.
    private(set) var runs: [TransactionRun] = []
    /// The places of the open ones.
    private var openPlaces: [Int64: Int] = [:]

    var isEmpty: Bool { runs.isEmpty }

    mutating func append(_ batch: TransactionalBatch) {
        let place = openPlaces[batch.producerID] ?? runs.count
        if place == runs.count {
            runs.append(
                TransactionRun(
                    producerID: batch.producerID, firstOffset: batch.baseOffset,
                    lastOffset: batch.lastOffset))
            openPlaces[batch.producerID] = place
        }
        runs[place].lastOffset = batch.lastOffset
        if batch.outcome != .open {
            runs[place].outcome = batch.outcome
            openPlaces[batch.producerID] = nil
        }
    }

    /// Forgets what ended, or had its last batch so far, before `offset`.
    mutating func removeRuns(endingBefore offset: Offset) {
        guard runs.contains(where: { $0.lastOffset < offset }) else { return }
        self = TransactionIndex(runs.filter { $0.lastOffset >= offset })
    }

    private init(_ runs: [TransactionRun]) {
        self.runs = runs
        for (place, run) in runs.enumerated() where run.outcome == .open {
            openPlaces[run.producerID] = place
        }
    }
}

extension TransactionIndex {
    init() {}

    func write(to writer: inout ByteWriter) {
        for run in runs {
            writer.int(run.producerID)
            writer.int(run.firstOffset.value)
            writer.int(run.lastOffset.value)
            writer.int(run.outcome.rawValue)
        }
    }

    init(_ reader: inout ByteReader, count: Int) throws(MalformedBytes) {
        guard count * TransactionRun.byteCount <= reader.remaining else { throw .badLength(count) }
        var runs: [TransactionRun] = []
        runs.reserveCapacity(count)
        for _ in 0..<count {
            let producerID: Int64 = try reader.int()
            let (first, last) = (Offset(try reader.int()), Offset(try reader.int()))
            let code: UInt8 = try reader.int()
            guard let outcome = TransactionRun.Outcome(rawValue: code), first <= last else {
                throw .badLength(Int(code))
            }
            runs.append(
                TransactionRun(
                    producerID: producerID, firstOffset: first, lastOffset: last, outcome: outcome))
        }
        self.init(runs)
    }

    /// As it stands in a segment; nothing where it is empty.
    func bytes(seed: UInt32) -> [UInt8] {
        if isEmpty { return [] }
        var writer = ByteWriter(capacity: runs.count * TransactionRun.byteCount + 8)
        write(to: &writer)
        writer.int(UInt32(runs.count))
        writer.int(crc32c(writer.bytes.span.bytes, seed: seed))
        return writer.bytes
    }

    /// Nil unless `bytes` are what was written.
    init?(verifying bytes: RawSpan, seed: UInt32) {
        self.init()
        if bytes.byteCount == 0 { return }
        let end = bytes.byteCount - 8
        guard end >= 0,
            crc32c(bytes.extracting(0..<end + 4), seed: seed) == bytes.int(at: end + 4, as: UInt32.self),
            case let count = Int(bytes.int(at: end, as: UInt32.self)),
            count * TransactionRun.byteCount == end
        else { return nil }
        var reader = ByteReader(bytes)
        guard let found = try? TransactionIndex(&reader, count: count) else { return nil }
        self = found
    }
}

/// What a batch of a transaction says of it. Source: KIP-98, "Control Messages".
struct TransactionalBatch {
    var producerID: Int64
    var baseOffset: Offset
    var lastOffset: Offset
    /// Open, unless it is a marker.
    var outcome = TransactionRun.Outcome.open

    private static let transactional: Int16 = 1 << 4
    private static let control: Int16 = 1 << 5

    /// Nil for a batch that is not part of a transaction.
    init?(_ bytes: RawSpan, baseOffset: Offset, lastOffset: Offset) {
        guard bytes.byteCount >= BatchField.headerByteCount,
            case let attributes = bytes.int(at: BatchField.attributes, as: Int16.self),
            attributes & Self.transactional != 0
        else { return nil }
        producerID = bytes.int(at: BatchField.producerID, as: Int64.self)
        self.baseOffset = baseOffset
        self.lastOffset = lastOffset
        guard attributes & Self.control != 0 else { return }
        switch try? Self.controlType(bytes) {
        case 0: outcome = .aborted
        case 1: outcome = .committed
        default: return nil
        }
    }

    /// The type in the key of the first record.
    private static func controlType(_ bytes: RawSpan) throws(MalformedBytes) -> Int16 {
        var reader = ByteReader(bytes.extracting(BatchField.headerByteCount..<bytes.byteCount))
        _ = try reader.varint()
        let _: UInt8 = try reader.int()
        _ = try reader.varint()
        _ = try reader.varint()
        _ = try reader.varint()
        let _: Int16 = try reader.int()
        return try reader.int()
    }
}
