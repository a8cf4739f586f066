import DequeModule

/// How many messages a consumer has still to get: exact, and kept up to date rather than counted.
///
/// It counts the selected messages from a cursor on, and what is left of a snapshot below the cursor.
struct PendingCount: Sendable {
    private struct Counted: Sendable {
        /// Selected messages from the cursor through `through`.
        var fresh: UInt64
        var through: UInt64
        /// Snapshot entries that still exist.
        var snapshot: UInt64
        /// The ledger's removal count that this takes into account.
        var removals: UInt64
    }

    private var counted: Counted?

    /// Counts anew when asked next.
    mutating func invalidate() { counted = nil }

    mutating func value(
        cursor: UInt64, snapshot: Deque<UInt64>, selector: inout SubjectSelector,
        ledger: StreamLedger
    ) -> UInt64 {
        catchUp(cursor: cursor, snapshot: snapshot, selector: &selector, ledger: ledger)
        guard let counted else { preconditionFailure("counted by catchUp") }
        return counted.fresh + counted.snapshot
    }

    /// A message at `sequence` was delivered for the first time; `isFresh` if from the cursor on.
    mutating func delivered(_ sequence: UInt64, isFresh: Bool) {
        guard var current = counted else { return }
        if isFresh {
            guard sequence <= current.through, current.fresh > 0 else { return invalidate() }
            current.fresh -= 1
        } else {
            guard current.snapshot > 0 else { return invalidate() }
            current.snapshot -= 1
        }
        counted = current
    }

    private mutating func catchUp(
        cursor: UInt64, snapshot: Deque<UInt64>, selector: inout SubjectSelector,
        ledger: StreamLedger
    ) {
        if var current = counted {
            if current.removals != ledger.removalCount {
                guard let removals = ledger.removals(since: current.removals) else {
                    counted = nil
                    return recount(
                        cursor: cursor, snapshot: snapshot, selector: &selector, ledger: ledger)
                }
                for removal in removals {
                    if removal.sequence >= cursor {
                        guard removal.sequence <= current.through else { continue }
                        guard let isSelected = selector.selects(removal, in: ledger.subjects) else {
                            counted = nil
                            return recount(
                                cursor: cursor, snapshot: snapshot, selector: &selector,
                                ledger: ledger)
                        }
                        if isSelected { current.fresh -= 1 }
                    } else if !snapshot.isEmpty, snapshot.containsSorted(removal.sequence) {
                        current.snapshot -= 1
                    }
                }
                current.removals = ledger.removalCount
            }
            if current.through < ledger.lastSequence {
                current.fresh += selector.count(
                    from: max(cursor, current.through + 1), through: ledger.lastSequence, in: ledger
                )
                current.through = ledger.lastSequence
            }
            counted = current
        } else {
            recount(cursor: cursor, snapshot: snapshot, selector: &selector, ledger: ledger)
        }
    }

    private mutating func recount(
        cursor: UInt64, snapshot: Deque<UInt64>, selector: inout SubjectSelector,
        ledger: StreamLedger
    ) {
        var live: UInt64 = 0
        for sequence in snapshot where ledger.contains(sequence) { live += 1 }
        counted = Counted(
            fresh: selector.count(from: cursor, through: ledger.lastSequence, in: ledger),
            through: ledger.lastSequence, snapshot: live, removals: ledger.removalCount)
    }
}

extension Deque<UInt64> {
    /// Of values in rising order.
    func containsSorted(_ value: UInt64) -> Bool {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == value
    }
}
