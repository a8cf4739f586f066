import Bytes
import JetStream
import Model
import Records
import Storage

/// Which offsets of a range have a record that is to stay, as runs: a value, so that it can go to another thread.
///
/// It takes 24 bytes a run, however many offsets there are between them.
struct LiveOffsets: Sendable {
    private struct Run {
        var first: Int64
        var last: Int64
        /// How many there are before it.
        var before: Int
    }

    let range: ClosedRange<Offset>
    private(set) var count = 0
    private var runs: [Run] = []

    /// None of the range.
    init(_ range: ClosedRange<Offset>) { self.range = range }

    /// What a stream holds.
    init(_ range: ClosedRange<Offset>, of view: borrowing StreamMachine) {
        self.init(range)
        view.forEachStored(from: StreamSequence(range.lowerBound), through: StreamSequence(range.upperBound)) {
            sequence, _ in append(Offset(sequence))
        }
    }

    /// - Precondition: it lies behind those that are there.
    mutating func append(_ offset: Offset) {
        let value = offset.value
        defer { count += 1 }
        guard let last = runs.last else {
            runs.append(Run(first: value, last: value, before: 0))
            return
        }
        precondition(value > last.last, "offset \(value) behind \(last.last)")
        if value == last.last + 1 {
            runs[runs.count - 1].last = value
        } else {
            runs.append(Run(first: value, last: value, before: count))
        }
    }

    func contains(_ offset: Offset) -> Bool {
        let place = place(behind: offset.value)
        return place > 0 && runs[place - 1].last >= offset.value
    }

    /// How many there are from `first` through `last`.
    func count(from first: Offset, through last: Offset) -> Int {
        count(upTo: last.value) - count(upTo: first.value - 1)
    }

    private func count(upTo offset: Int64) -> Int {
        let place = place(behind: offset)
        guard place > 0 else { return 0 }
        let run = runs[place - 1]
        return run.before + Int(min(offset, run.last) - run.first) + 1
    }

    /// How many runs begin at `offset` or before it.
    private func place(behind offset: Int64) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
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
