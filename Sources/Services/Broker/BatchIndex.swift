import Model
import Storage

/// Where each batch of one log lies, in the order of their offsets.
struct BatchIndex {
    struct Entry {
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

    private(set) var entries: [Entry] = []
    private(set) var byteCount: Int64 = 0
    /// Whether record timestamps never fall from one batch to the next, so that they can be searched by halves.
    private var timestampsRise = true

    mutating func append(_ entry: Entry) {
        if let last = entries.last {
            precondition(entry.baseOffset > last.lastOffset, "batches come in the order of their offsets")
            if entry.maxTimestampMilliseconds < last.maxTimestampMilliseconds { timestampsRise = false }
        }
        entries.append(entry)
        byteCount += Int64(entry.byteCount)
    }

    /// The place of the batch that holds `offset`, or of the next one where it lies in a gap.
    func firstIndex(holding offset: Offset) -> Int? {
        let index = partitioningIndex { $0.lastOffset >= offset }
        return index < entries.count ? index : nil
    }

    /// The place of the first batch with a record as young as `milliseconds`.
    func firstIndex(withTimestamp milliseconds: Int64) -> Int? {
        guard timestampsRise else {
            return entries.firstIndex { $0.maxTimestampMilliseconds >= milliseconds }
        }
        let index = partitioningIndex { $0.maxTimestampMilliseconds >= milliseconds }
        return index < entries.count ? index : nil
    }

    /// The place of the first batch that was appended at `time` or later.
    func firstIndex(appendedAt time: Timestamp) -> Int? {
        let index = partitioningIndex { $0.appendTime >= time }
        return index < entries.count ? index : nil
    }

    /// The first place from which on `belongs` is true, found by halves.
    private func partitioningIndex(where belongs: (Entry) -> Bool) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = low + (high - low) / 2
            if belongs(entries[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
