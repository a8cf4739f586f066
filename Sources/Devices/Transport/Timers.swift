import HeapModule

public struct TimerID: Hashable, Sendable {
    let value: UInt64
}

/// What a loop has to do later. Times are monotonic nanoseconds.
struct Timers {
    private struct Entry: Comparable {
        let deadline: Int64
        let id: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.deadline, left.id) < (right.deadline, right.id)
        }
    }

    private var entries = Heap<Entry>()
    /// A timer that was cancelled is missing here, and still in the heap until its time comes.
    private var work: [UInt64: () -> Void] = [:]
    private var lastID: UInt64 = 0

    mutating func add(at deadline: Int64, _ work: @escaping () -> Void) -> TimerID {
        lastID += 1
        entries.insert(Entry(deadline: deadline, id: lastID))
        self.work[lastID] = work
        return TimerID(value: lastID)
    }

    mutating func cancel(_ timer: TimerID) {
        work[timer.value] = nil
        // Many cancelled ones must not pile up.
        if entries.count > 64, entries.count > 4 * work.count {
            entries = Heap(entries.unordered.filter { work[$0.id] != nil })
        }
    }

    /// When the next one is due; nil for never.
    var nextDeadline: Int64? {
        mutating get {
            while let first = entries.min {
                if work[first.id] != nil { return first.deadline }
                entries.removeMin()
            }
            return nil
        }
    }

    /// Takes out the next one that is due at `now`.
    mutating func popDue(_ now: Int64) -> (() -> Void)? {
        while let first = entries.min, first.deadline <= now {
            entries.removeMin()
            if let due = work.removeValue(forKey: first.id) { return due }
        }
        return nil
    }
}
