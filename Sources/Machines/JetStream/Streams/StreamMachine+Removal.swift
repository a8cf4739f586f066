import JetStreamAPI
import Model
import Subjects

extension StreamMachine {
    /// Decides `STREAM.MSG.DELETE`.
    public func decideDelete(_ sequence: StreamSequence) throws(JetStreamError) -> StreamControl {
        if config.sealed { throw .streamSealed }
        if config.denyDelete { throw .deleteFailed("message delete not permitted") }
        if sequence == .none { throw .deleteFailed("no message found") }
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
        guard config.maxAge > 0, ledger.messageCount > 0, ledger.firstSequence < sequence.value else {
            return nil
        }
        return .purged(below: sequence.value, filter: "")
    }
}
