import JetStreamAPI
import Model
import Subjects

extension StreamMachine {
    /// Decides `STREAM.MSG.DELETE`.
    public func decideDelete(_ sequence: StreamSequence) throws(JetStreamError) -> StreamControl {
        if config.sealed { throw .streamSealed }
        if config.denyDelete { throw .deleteFailed("message delete not permitted") }
        if sequence < firstSequence { throw .deleteFailed("no message found") }
        if sequence > lastSequence { throw .deleteFailed("stream store EOF") }
        guard ledger.contains(sequence.value) else { throw .sequenceNotFound(sequence.value) }
        return .removed([sequence.value])
    }

    /// Decides `STREAM.PURGE`. Applying the control tells how many messages went.
    public func decidePurge(_ request: PurgeRequest) throws(JetStreamError) -> StreamControl {
        if config.sealed { throw .streamSealed }
        if config.denyPurge { throw .purgeFailed("stream purge not permitted") }
        var below = ledger.lastSequence + 1
        if request.below > 0 { below = min(below, request.below) }
        let filter = request.filter.isEmpty ? nil : SubjectFilter(request.filter)
        if !request.filter.isEmpty, filter == nil {
            // Such a filter matches nothing.
            return .purged(below: 0, filter: "")
        }
        if request.keep > 0 {
            var selector = SubjectSelector(filter.map { [$0] } ?? [])
            for _ in 0..<request.keep {
                guard below > 0, let kept = selector.previous(from: below - 1, in: ledger) else {
                    return .purged(below: 0, filter: "")
                }
                below = kept
            }
        }
        return .purged(below: below, filter: request.filter)
    }

    /// Decides what `max_age` takes away: everything below `sequence`, the first message that is young enough.
    ///
    /// Nil if that is nothing.
    public func decideExpiry(below sequence: StreamSequence) -> StreamControl? {
        guard config.maxAge > 0, let first = oldestAging, first < sequence else { return nil }
        guard !ageless.isEmpty else { return .purged(below: sequence.value, filter: "") }
        var gone: [UInt64] = []
        var next = ledger.next(from: first.value)
        while let old = next, old < sequence.value, gone.count < StreamControl.removedLimit {
            if !ageless.contains(old) { gone.append(old) }
            next = ledger.next(from: old + 1)
        }
        return .removed(gone)
    }

    /// The first message that grows too old one day.
    public var oldestAging: StreamSequence? {
        var next = ledger.next(from: ledger.firstSequence)
        while let sequence = next, ageless.contains(sequence) {
            next = ledger.next(from: sequence + 1)
        }
        return next.map { StreamSequence($0) }
    }

    /// When the first message with a time of its own is over.
    public mutating func nextEnding() -> Timestamp? {
        let ledger = ledger
        return endings.first { ledger.contains($0.sequence) }
            .map { Timestamp(nanoseconds: $0.deadline) }
    }

    /// Takes out the messages whose own time is over; nil for none. Put them back where the control cannot be written.
    public mutating func takeEnded(now: Timestamp) -> StreamControl? {
        let ledger = ledger
        var gone: [UInt64] = []
        while gone.count < StreamControl.removedLimit,
            let entry = endings.first(where: { ledger.contains($0.sequence) }),
            entry.deadline <= now.nanoseconds
        {
            endings.remove(entry)
            gone.append(entry.sequence)
        }
        return gone.isEmpty ? nil : .removed(gone.sorted())
    }

    /// What ``takeEnded(now:)`` gave stays for now.
    public mutating func putBack(_ control: StreamControl, until: Timestamp) {
        guard case .removed(let sequences) = control else { return }
        for sequence in sequences {
            endings.insert(deadline: until.nanoseconds, sequence: sequence)
        }
    }
}
