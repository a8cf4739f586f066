import Bytes
import JetStream
import Model
import Records
import Storage

/// Which offsets of a range have a record that is to stay: one bit for each. A value, so that it can go to another thread.
struct LiveOffsets: Sendable {
    let range: ClosedRange<Offset>
    private(set) var liveCount = 0
    private var words: [UInt64]

    /// None of the range.
    init(_ range: ClosedRange<Offset>) {
        self.range = range
        words = Array(repeating: 0, count: range.lowerBound.distance(to: range.upperBound) / 64 + 1)
    }

    /// What a stream holds.
    init(_ range: ClosedRange<Offset>, of view: borrowing StreamMachine) {
        self.init(range)
        view.forEachStored(from: StreamSequence(range.lowerBound), through: StreamSequence(range.upperBound)) {
            sequence, _ in insert(Offset(sequence))
        }
    }

    mutating func insert(_ offset: Offset) {
        let place = range.lowerBound.distance(to: offset)
        let bit: UInt64 = 1 << UInt64(place & 63)
        if words[place >> 6] & bit == 0 { liveCount += 1 }
        words[place >> 6] |= bit
    }

    func contains(_ offset: Offset) -> Bool {
        guard range.contains(offset) else { return false }
        let place = range.lowerBound.distance(to: offset)
        return words[place >> 6] & (1 << UInt64(place & 63)) != 0
    }

    /// How many there are from `first` through `last`, both in the range.
    func count(from first: Offset, through last: Offset) -> Int {
        let start = range.lowerBound.distance(to: first)
        let end = range.lowerBound.distance(to: last)
        if start >> 6 == end >> 6 {
            return (words[start >> 6] & Self.mask(from: start) & Self.mask(through: end)).nonzeroBitCount
        }
        var count = (words[start >> 6] & Self.mask(from: start)).nonzeroBitCount
        for word in (start >> 6) + 1..<end >> 6 { count += words[word].nonzeroBitCount }
        return count + (words[end >> 6] & Self.mask(through: end)).nonzeroBitCount
    }

    private static func mask(from place: Int) -> UInt64 { ~0 << UInt64(place & 63) }
    private static func mask(through place: Int) -> UInt64 { ~0 >> UInt64(63 - place & 63) }
}

/// Decides what becomes of the batches of one segment, where it is known which offsets stay.
///
/// Batches without a record left go, but for the segment's last: it stays empty, so that a reader that comes to it knows
/// where to go on, and nobody takes the offsets for unused. Control batches stay.
struct SegmentCleaning: Sendable {
    let live: LiveOffsets
    /// The last offset that the segment stands for.
    let lastOffset: Offset
    /// See ``RecordBatchRewriter/Rules/deleteHorizonMilliseconds``.
    var deleteHorizonMilliseconds: Int64?

    /// - Throws: where the bytes are no valid batch.
    func fate(
        of batch: StoredBatch, _ bytes: RawSpan, with rewriter: inout RecordBatchRewriter
    ) throws -> BatchFate {
        let header = try RecordBatchHeader(bytes)
        if header.attributes.contains(.control) { return .keep }
        let isLast = batch.lastOffset >= lastOffset
        let count = live.count(from: batch.baseOffset, through: batch.lastOffset)
        if deleteHorizonMilliseconds == nil {
            if count == Int(header.recordCount), count > 0 { return .keep }
            if count == 0, !isLast { return .drop }
        }
        let rules = RecordBatchRewriter.Rules(
            keepsEmpty: isLast, deleteHorizonMilliseconds: deleteHorizonMilliseconds)
        let outcome = try rewriter.rewrite(bytes, rules) { batch, record in
            live.contains(batch.offset(of: record))
        }
        switch outcome {
        case .unchanged: return .keep
        case .changed(let bytes): return .replace(bytes)
        case .nothing: return .drop
        }
    }
}
