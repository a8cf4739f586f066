import Model
import Storage

/// Which batches of the write-ahead log are in segments, or gone: it keeps its copies for a while.
struct RolledUp {
    private let end: WALPosition
    /// Of logs that were rolled up ahead of the others.
    private let lastOffsets: [LogID: Offset]

    init(_ segments: [SegmentDescriptor], upTo end: WALPosition) {
        self.end = end
        lastOffsets = Dictionary(segments.map { ($0.log, $0.lastOffset) }, uniquingKeysWith: max)
    }

    func has(_ header: FrameHeader, at position: WALPosition) -> Bool {
        guard header.kind == .batch else { return false }
        return position < end || lastOffsets[header.log].map { header.baseOffset <= $0 } ?? false
    }
}
