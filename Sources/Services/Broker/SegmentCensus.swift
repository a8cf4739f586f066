import Model
import Storage

/// How many records the segments of a log have, as far as readers have gone through them.
///
/// A segment that was written anew is one with gaps in its offsets, and its descriptor does not say whether they are gaps in the
/// file, too. Whoever reads all of it batch by batch finds out for those who come later.
struct SegmentCensus {
    private struct Count {
        /// Behind the last batch that was counted; all before it were.
        var next: Offset
        var batchCount = 0
        var recordCount = 0
    }

    private var counts: [SegmentDescriptor: Count] = [:]

    /// Nil where nobody knows.
    func recordCount(of segment: SegmentDescriptor) -> Int? {
        guard let count = counts[segment], count.batchCount == segment.batchCount else { return nil }
        return count.recordCount
    }

    /// Somebody has read the first batch from `start` on, which is in `segment`.
    ///
    /// - Parameter segments: all that the log has now: what is known of others is forgotten.
    mutating func count(
        _ batch: StoredBatch, from start: Offset, recordCount: Int, in segment: SegmentDescriptor,
        of segments: @autoclosure () -> [SegmentDescriptor]
    ) {
        if counts[segment] == nil {
            let known = Set(segments())
            counts = counts.filter { known.contains($0.key) }
        }
        var count = counts[segment] ?? Count(next: segment.baseOffset)
        guard start <= count.next, batch.baseOffset >= count.next else { return }
        count.next = batch.lastOffset.advanced(by: 1)
        count.batchCount += 1
        count.recordCount += recordCount
        counts[segment] = count
    }
}
