import DequeModule

/// What waits until the write-ahead log has come to a mark, in the order of the marks.
struct DurabilityQueue: ~Copyable {
    private struct Waiting {
        var mark: UInt64
        var action: () -> Void
    }

    private var onDevice: Deque<Waiting> = []
    private var inFile: Deque<Waiting> = []
    private var inMemory: Deque<Waiting> = []

    /// Runs `action` once everything up to `mark` has come so far. Marks of one assurance never fall.
    mutating func wait(for mark: UInt64, _ assurance: Assurance, _ action: @escaping () -> Void) {
        let waiting = Waiting(mark: mark, action: action)
        switch assurance {
        case .memory: inMemory.append(waiting)
        case .file: inFile.append(waiting)
        case .device:
            precondition((onDevice.last?.mark ?? 0) <= mark, "marks never fall")
            onDevice.append(waiting)
        }
    }

    /// Takes out the next action that is due.
    mutating func next(durableMark: UInt64, writtenMark: UInt64) -> (() -> Void)? {
        if let first = inMemory.popFirst() { return first.action }
        if let first = inFile.first, first.mark <= writtenMark { return inFile.removeFirst().action }
        if let first = onDevice.first, first.mark <= durableMark { return onDevice.removeFirst().action }
        return nil
    }
}
