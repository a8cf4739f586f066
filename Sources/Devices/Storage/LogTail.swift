import DequeModule
import Model

/// Where the newest batches of one log are: those that only the write-ahead log has, in the order
/// of their offsets. 48 bytes a batch, for no more than the write-ahead log holds.
struct LogTail: Sendable {
    struct Entry: Sendable {
        var baseOffset: Offset
        var position: WALPosition
        var byteCount: UInt32
        /// Last offset minus base offset.
        var lastOffsetDelta: UInt32
        var appendTime: Timestamp
        /// The largest record timestamp, in milliseconds as Kafka stores it.
        var maxTimestampMilliseconds: Int64

        var lastOffset: Offset { baseOffset.advanced(by: Int(lastOffsetDelta)) }
    }

    private(set) var entries: Deque<Entry> = []
    private(set) var byteCount: Int64 = 0
    /// Those that have batches among the entries.
    var transactions = TransactionIndex()
    /// Whether times never fall from one batch to the next, so that they can be searched by halves.
    private var appendTimesRise = true
    private var timestampsRise = true

    mutating func append(_ entry: Entry, _ transactional: TransactionalBatch? = nil) {
        if let last = entries.last {
            precondition(
                entry.baseOffset > last.lastOffset,
                "batch at \(entry.baseOffset) behind one that ends at \(last.lastOffset)")
            if entry.appendTime < last.appendTime { appendTimesRise = false }
            if entry.maxTimestampMilliseconds < last.maxTimestampMilliseconds {
                timestampsRise = false
            }
        }
        entries.append(entry)
        byteCount += Int64(entry.byteCount)
        if let transactional { transactions.append(transactional) }
    }

    /// Forgets the first entries, as many as `isGone` says.
    mutating func removeFirst(while isGone: (Entry) -> Bool) {
        while let first = entries.first, isGone(first) {
            entries.removeFirst()
            byteCount -= Int64(first.byteCount)
        }
        if let first = entries.first {
            transactions.removeRuns(endingBefore: first.baseOffset)
        } else {
            entries = []
            transactions = TransactionIndex()
            appendTimesRise = true
            timestampsRise = true
        }
    }

    /// The place of the batch that holds `offset`, or of the next one where it lies in a gap.
    func firstIndex(holding offset: Offset) -> Int? {
        firstIndex(rising: true) { $0.lastOffset >= offset }
    }

    /// The place of the first batch that was appended at `time` or later.
    func firstIndex(appendedAt time: Timestamp) -> Int? {
        firstIndex(rising: appendTimesRise) { $0.appendTime >= time }
    }

    /// The place of the first batch with a record as young as `milliseconds`.
    func firstIndex(withTimestamp milliseconds: Int64) -> Int? {
        firstIndex(rising: timestampsRise) { $0.maxTimestampMilliseconds >= milliseconds }
    }

    /// The first place where `belongs` is true: by halves where it stays true behind that.
    private func firstIndex(rising: Bool, where belongs: (Entry) -> Bool) -> Int? {
        guard rising else { return entries.firstIndex(where: belongs) }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = low + (high - low) / 2
            if belongs(entries[middle]) { high = middle } else { low = middle + 1 }
        }
        return low < entries.count ? low : nil
    }
}
