import Storage

/// Where the frames lie that change a log's JetStream view beside its batches.
struct ViewFrames {
    struct Frame {
        var position: WALPosition
        var byteCount: Int
        var kind: FrameKind
    }

    private(set) var frames: [Frame] = []

    mutating func append(_ kind: FrameKind, at position: WALPosition, byteCount: Int) {
        frames.append(Frame(position: position, byteCount: byteCount, kind: kind))
    }

    var isEmpty: Bool { frames.isEmpty }
}
