import DequeModule
import Model

/// Batches that are appended and not yet on disk, in the order of their marks.
struct UnreadableBatches {
    struct Batch {
        var mark: UInt64
        var log: PartitionLog
        /// The first offset behind it.
        var end: Offset
        /// Its first offset where core NATS subscribers wait for its records; nil where nobody does, or where they have
        /// had them already.
        var liveBase: Offset?
    }

    private var batches: Deque<Batch> = []

    mutating func append(_ batch: Batch) { batches.append(batch) }

    mutating func next(durableMark: UInt64) -> Batch? {
        guard let first = batches.first, first.mark <= durableMark else { return nil }
        return batches.removeFirst()
    }
}
