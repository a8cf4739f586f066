import DequeModule

/// What waits until the write-ahead log is durable up to a mark, in the order of the marks.
struct DurabilityQueue {
    private var waiting: Deque<(mark: UInt64, action: () -> Void)> = []

    var isEmpty: Bool { waiting.isEmpty }

    /// Runs `action` once everything up to `mark` is on disk. Marks never fall.
    mutating func wait(for mark: UInt64, _ action: @escaping () -> Void) {
        precondition((waiting.last?.mark ?? 0) <= mark, "marks never fall")
        waiting.append((mark, action))
    }

    /// Takes out the next action that `durableMark` covers.
    mutating func next(durableMark: UInt64) -> (() -> Void)? {
        guard let first = waiting.first, first.mark <= durableMark else { return nil }
        return waiting.removeFirst().action
    }
}
