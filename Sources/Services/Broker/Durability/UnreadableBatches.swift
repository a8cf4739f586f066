import DequeModule
import Model

/// Batches that are appended and may not be read yet, in the order of their marks.
struct UnreadableBatches: ~Copyable {
    struct Batch {
        var mark: UInt64
        var log: PartitionLog
        /// The first offset behind it.
        var end: Offset
        /// Its first offset where core NATS subscribers wait for its records; nil where nobody does, or where they have
        /// had them already.
        var liveBase: Offset?
    }

    private var onDevice: Deque<Batch> = []
    private var inFile: Deque<Batch> = []
    private var inMemory: Deque<Batch> = []

    /// - Parameter assurance: how far it has to get before it may be read.
    mutating func append(_ batch: Batch, until assurance: Assurance) {
        switch assurance {
        case .memory: inMemory.append(batch)
        case .file: inFile.append(batch)
        case .device: onDevice.append(batch)
        }
    }

    /// Whether there are batches that may be read as soon as somebody asks.
    var isDue: Bool { !inMemory.isEmpty }

    mutating func next(durableMark: UInt64, writtenMark: UInt64) -> Batch? {
        if let first = inMemory.popFirst() { return first }
        if let first = inFile.first, first.mark <= writtenMark { return inFile.removeFirst() }
        if let first = onDevice.first, first.mark <= durableMark { return onDevice.removeFirst() }
        return nil
    }
}
