import Model

/// Where the batches of one log are: in segments first, then in the write-ahead log.
struct LogIndex: Sendable {
    /// Offsets below it are gone.
    var start = Offset(0)
    /// In the order of their offsets.
    private(set) var segments: [SegmentDescriptor] = []
    var tail = LogTail()

    var byteCount: Int64 {
        segments.reduce(tail.byteCount) { $0 + Int64($1.byteCount) }
    }
    var lastOffset: Offset? { tail.entries.last?.lastOffset ?? segments.last?.lastOffset }
    var isEmpty: Bool { segments.isEmpty && tail.entries.isEmpty }

    /// The place of the segment that stands for `offset`, or of the next one.
    func firstSegment(holding offset: Offset) -> Int {
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].lastOffset >= offset { high = middle } else { low = middle + 1 }
        }
        return low
    }

    mutating func add(_ segment: SegmentDescriptor) {
        guard segment.lastOffset >= start else { return }
        segments.insert(segment, at: firstSegment(holding: segment.baseOffset))
    }

    mutating func remove(_ segment: SegmentDescriptor) {
        segments.removeAll { $0 == segment }
    }

    /// - Returns: whether a whole segment is gone.
    mutating func deleteBelow(_ offset: Offset) -> Bool {
        guard offset > start else { return false }
        start = offset
        tail.removeFirst { $0.lastOffset < offset }
        let count = firstSegment(holding: offset)
        segments.removeFirst(count)
        return count > 0
    }
}
