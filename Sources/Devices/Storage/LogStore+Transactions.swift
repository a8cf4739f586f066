public import Model

/// A transaction whose records a reader of committed ones has to pass over.
public struct AbortedTransaction: Hashable, Sendable {
    public var producerID: Int64
    /// Where it begins, or a batch of it that comes later but not behind the first that was asked for.
    public var firstOffset: Offset
    /// Of the marker that ended it.
    public var lastOffset: Offset
}

extension LogStore {
    /// The aborted transactions that have batches or their marker among `offsets`, in the order of their
    /// first offsets: what a fetch of committed records answers beside them (KIP-98).
    ///
    /// Reads a few bytes for each segment that holds some of `offsets`, and for those behind until
    /// all transactions have ended that were open there.
    /// - Throws: `failed`.
    public func abortedTransactions(
        of log: LogID, in offsets: Range<Offset>
    ) throws(StorageError) -> [AbortedTransaction] {
        guard let index = logs[log], !offsets.isEmpty else { return [] }
        var search = AbortedTransactionSearch(offsets)
        for segment in index.segments[index.firstSegment(holding: offsets.lowerBound)...] {
            if segment.baseOffset >= offsets.upperBound, search.isDone { return search.result }
            search.add(try segmentCache.transactions(of: segment))
        }
        search.add(index.tail.transactions)
        return search.result
    }
}

/// Puts together what one stretch of a log after the other says.
private struct AbortedTransactionSearch {
    private let offsets: Range<Offset>
    private var found: [AbortedTransaction] = []
    /// Where those begin that were open at the end of the stretch before.
    private var open: [Int64: Offset] = [:]

    init(_ offsets: Range<Offset>) { self.offsets = offsets }

    /// Nothing that comes later can matter.
    var isDone: Bool { !open.values.contains { $0 < offsets.upperBound } }

    var result: [AbortedTransaction] { found.sorted { $0.firstOffset < $1.firstOffset } }

    mutating func add(_ index: TransactionIndex) {
        for run in index.runs {
            let first = open.removeValue(forKey: run.producerID) ?? run.firstOffset
            switch run.outcome {
            case .open: open[run.producerID] = first
            case .committed: break
            case .aborted:
                guard first < offsets.upperBound, run.lastOffset >= offsets.lowerBound else { continue }
                found.append(
                    AbortedTransaction(
                        producerID: run.producerID, firstOffset: first, lastOffset: run.lastOffset))
            }
        }
    }
}
