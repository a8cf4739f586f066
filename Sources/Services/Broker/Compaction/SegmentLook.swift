import JetStream
import Model
import Storage

/// What was seen of a segment with records that JetStream has removed, and whether it is worth writing anew.
struct SegmentLook: Equatable, Sendable {
    /// From this share on, of what lies behind the start of the log, a segment is rewritten: a byte is written for each that
    /// comes back, and what is stored is at most twice what is there.
    static let share = 0.5
    /// From this share on, with what lies before the start, one is rewritten of which nothing more was removed for as many
    /// looks. Where starts move on and on, segments go as they are.
    static let quietShare = 0.125
    static let quietLookCount = 4
    /// What is not worth a file of its own.
    static let leastByteCount = 4096

    /// What a batch takes beside its records.
    private static let batchOverhead = 61
    /// What a record takes beside its key, value and headers.
    static let recordOverhead = 12

    /// How many records are left.
    let liveCount: Int
    /// What share of the segment is taken by others, about.
    let deadShare: Double
    /// The same without what lies before the start of the log.
    private let holeShare: Double
    private let segmentByteCount: Int
    /// What the live records would take if they were not compressed.
    private let neededByteCount: Int
    /// As much when the segment was last written or tried, where that is known.
    private var neededWhenWritten: Int?
    /// How many looks have seen just this.
    private var quietLookCount = 0

    /// - Parameters:
    ///   - byteCount: of the live records as they are stored without compression, about.
    ///   - start: where the log begins.
    ///   - earlier: what was seen of it before.
    init(
        _ segment: SegmentDescriptor, liveCount: Int, byteCount: Int, start: Offset, earlier: SegmentLook?
    ) {
        self.liveCount = liveCount
        segmentByteCount = segment.byteCount
        neededByteCount = byteCount + min(segment.batchCount, liveCount) * Self.batchOverhead
        neededWhenWritten = earlier?.neededWhenWritten
        if let neededWhenWritten {
            deadShare = max(0, 1 - Double(neededByteCount) / Double(max(1, neededWhenWritten)))
            holeShare = start <= segment.baseOffset ? deadShare : 0
            return
        }
        let (needed, count) = (Double(neededByteCount), Double(liveCount))
        func share(ofPlaces places: Double, _ bytes: Double) -> Double {
            // Where records are compressed their sizes say little, and their number more.
            max(0, 1 - needed / max(1, bytes), 1 - count / max(1, places))
        }
        let places = Double(segment.baseOffset.distance(to: segment.lastOffset) + 1)
        let first = max(segment.baseOffset, start)
        let placesLeft = Double(max(0, first.distance(to: segment.lastOffset) + 1))
        let bytes = Double(segment.byteCount)
        deadShare = share(ofPlaces: places, bytes)
        holeShare = share(ofPlaces: placesLeft, bytes * placesLeft / places)
    }

    /// What is known of a segment that was made of these records, or tried in vain: nothing is to be gained from it until more
    /// of it is removed.
    func settled(as segment: SegmentDescriptor) -> SegmentLook {
        SegmentLook(
            liveCount: liveCount, segmentByteCount: segment.byteCount, neededByteCount: neededByteCount)
    }

    private init(liveCount: Int, segmentByteCount: Int, neededByteCount: Int) {
        self.liveCount = liveCount
        self.segmentByteCount = segmentByteCount
        self.neededByteCount = neededByteCount
        neededWhenWritten = neededByteCount
        deadShare = 0
        holeShare = 0
    }

    /// The same segment has as many records left as before.
    mutating func seenAgain() { quietLookCount += 1 }

    var isWorthwhile: Bool {
        guard deadShare * Double(segmentByteCount) >= Double(Self.leastByteCount) else { return false }
        return holeShare >= Self.share
            || quietLookCount >= Self.quietLookCount && deadShare >= Self.quietShare
    }
}
