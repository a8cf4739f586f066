import JetStreamAPI
import Model

extension ConsumerMachine {
    /// A client said something about a delivery.
    ///
    /// `+NXT` counts as an ack; the pull request that it carries is the caller's to make.
    /// - Returns: false if the message does not wait for an ack, and nothing changed: see
    ///   ``acknowledgeLate(_:_:in:now:)``.
    @discardableResult
    public mutating func acknowledge(
        _ sequence: StreamSequence, _ message: AckMessage, now: Timestamp
    ) -> Bool {
        lastActivity = now
        let sequence = sequence.value
        guard let delivery = pending[sequence] else { return false }
        switch message {
        case .acknowledged, .next:
            record(
                config.ackPolicy == .all ? .acknowledgedThrough(sequence) : .acknowledged(sequence),
                now: now)
        case .terminated(let reason):
            record(.terminated(sequence), now: now)
            effects.append(
                .terminated(
                    StreamSequence(sequence), consumerSequence: delivery.consumerSequence,
                    deliveries: UInt64(delivery.deliveries), reason: reason))
        case .inProgress:
            record(.progressed(sequence), now: now)
        case .refused(let delay):
            effects.append(
                .refused(
                    StreamSequence(sequence), consumerSequence: delivery.consumerSequence,
                    deliveries: UInt64(delivery.deliveries)))
            if isExhausted(delivery) {
                giveUp(sequence, now: now)
            } else {
                record(.refused(sequence, until: now.advanced(byNanoseconds: delay).nanoseconds), now: now)
                if delay == 0 { queueRedelivery(sequence) }
            }
        }
        return true
    }

    /// A client said something about a message that does not wait for an ack. Where it was given up and is still stored because nobody
    /// has acked it, an ack is what lets it go, as in nats-server; all else changes nothing.
    ///
    /// - Returns: false if the consumer knows of no delivery. A crash may have taken what it knew, so this must not be confirmed: the
    ///   message is delivered again.
    public mutating func acknowledgeLate(
        _ sequence: StreamSequence, _ message: AckMessage, in stream: StreamMachine, now: Timestamp
    ) -> Bool {
        guard isDecided(sequence.value) else { return false }
        guard stream.config.retention != .limits, message.isFinal,
            let number = stream.ledger.number(at: sequence.value), selector.selects(number, in: stream.ledger.subjects)
        else { return true }
        record(.acknowledged(sequence.value), now: now)
        return true
    }

    func isExhausted(_ delivery: PendingDelivery) -> Bool {
        config.maxDeliver > 0 && Int(delivery.deliveries) >= config.maxDeliver
    }

    mutating func giveUp(_ sequence: UInt64, now: Timestamp) {
        guard let delivery = pending[sequence] else { return }
        effects.append(
            .maxDeliveries(StreamSequence(sequence), deliveries: UInt64(delivery.deliveries)))
        record(.gaveUp(sequence), now: now)
    }

    mutating func queueRedelivery(_ sequence: UInt64) {
        guard pending[sequence]?.isQueued == false else { return }
        pending[sequence]?.isQueued = true
        redeliveries.append(sequence)
    }

    /// Messages were purged or deleted: what is gone need not be acked any more.
    public mutating func streamShrank(_ stream: StreamMachine, now: Timestamp) {
        let gone = pending.keys.filter { !stream.ledger.contains($0) }.sorted()
        for sequence in gone { record(.forgotten(sequence), now: now) }
    }

    /// Delivers everything from `sequence` on once more, or from the ack floor where none is given.
    ///
    /// - Returns: where it begins.
    public mutating func reset(to sequence: StreamSequence?, now: Timestamp) -> StreamSequence {
        let start = min(max(1, sequence?.value ?? ackFloor.stream + 1), UInt64(Int64.max))
        record(.reset(start), now: now)
        return StreamSequence(start)
    }
}
