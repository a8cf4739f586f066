import DequeModule
import JetStreamAPI
import Model

/// One message for one client, decided and not yet sent.
public struct Delivery: Sendable {
    public var sequence: StreamSequence
    public var consumerSequence: UInt64
    public var deliveries: UInt64
    /// How many messages come after this one.
    public var pending: UInt64
    /// The inbox or deliver subject.
    public var inbox: [UInt8]
    /// Without the payload, if the consumer wants headers only.
    public var headersOnly: Bool
    fileprivate var request: UInt64
    fileprivate var byteCount: Int
}

extension ConsumerMachine {
    /// What to send next and to whom; nil if nothing can be sent now.
    ///
    /// Send it, then tell: ``sent(_:now:)``, or ``undeliverable(_:now:)`` if nobody listened. Ask again until nil, then
    /// call ``finishDelivering(now:)``.
    ///
    /// - Parameter readableUpTo: the last sequence that may be read.
    public mutating func nextDelivery(
        now: Timestamp, readableUpTo: StreamSequence, stream: StreamMachine
    ) -> Delivery? {
        guard config.isPush ? push.isBound && !push.isStalled(config) : !waiting.isEmpty,
            !isPaused(now: now)
        else { return nil }
        while let sequence = nextSequence(
            readableUpTo: readableUpTo.value, stream: stream, now: now)
        {
            let known = pending[sequence]
            let isFirst = known == nil
            var left = pendingMessageCount(in: stream)
            if isFirst { left -= 1 }
            let deliveries = UInt64(known?.deliveries ?? 0) + 1
            let consumerSequence = delivered.consumer + 1
            var delivery = Delivery(
                sequence: StreamSequence(sequence), consumerSequence: consumerSequence,
                deliveries: deliveries, pending: left, inbox: [], headersOnly: config.headersOnly,
                request: 0, byteCount: 0)
            let size = stream.ledger.size(at: sequence)?.messageByteCount ?? 0
            delivery.byteCount =
                size + ackSubjectByteCount(delivery, timestamp: now)
            if config.isPush {
                delivery.inbox = Array(config.deliverSubject.utf8)
                return delivery
            }
            guard let request = requestWithRoom(for: delivery.byteCount) else { return nil }
            delivery.inbox = request.inbox
            delivery.request = request.id
            return delivery
        }
        return nil
    }

    /// It was sent. Its request goes to the back of the line, or is done.
    public mutating func sent(_ delivery: Delivery, now: Timestamp) {
        if redeliveries.first == delivery.sequence.value { redeliveries.removeFirst() }
        record(.delivered(delivery.sequence.value), now: now)
        if config.isPush { return sentPush(byteCount: delivery.byteCount, now: now) }
        guard var request = waiting.first, request.id == delivery.request else { return }
        waiting.removeFirst()
        request.batch -= 1
        request.deliveredCount += 1
        request.nextHeartbeat = now.advanced(byNanoseconds: request.heartbeat).nanoseconds
        if let left = request.bytesLeft { request.bytesLeft = left - delivery.byteCount }
        if request.batch > 0 {
            waiting.append(request)
        } else {
            lastActivity = now
            if let left = request.bytesLeft, left > 0 {
                reply(.batchCompleted(pendingMessages: 0, pendingBytes: left), to: request.inbox)
            }
        }
    }

    /// Nobody listened: the request is over, or the push consumer waits for somebody.
    public mutating func undeliverable(_ delivery: Delivery, now: Timestamp) {
        if config.isPush { return setBound(false, now: now) }
        if waiting.first?.id == delivery.request { waiting.removeFirst() }
    }

    /// The message could not be read from the log though the stream should hold it: it is passed over.
    public mutating func unreadable(_ delivery: Delivery, now: Timestamp) {
        if redeliveries.first == delivery.sequence.value { redeliveries.removeFirst() }
        record(.delivered(delivery.sequence.value), now: now)
        record(.gaveUp(delivery.sequence.value), now: now)
    }

    /// What falls due by the clock: redeliveries, requests that are over, heartbeats.
    public mutating func expire(now: Timestamp) {
        while let entry = nextAckDeadline, entry.deadline <= now.nanoseconds {
            deadlines.remove(entry)
            guard let delivery = pending[entry.sequence] else { continue }
            if isExhausted(delivery) {
                giveUp(entry.sequence, now: now)
            } else {
                queueRedelivery(entry.sequence)
            }
        }
        expireRequests(now: now)
        beat(now: now)
    }

    /// When ``expire(now:)`` has something to do next.
    public mutating func nextDeadline(now: Timestamp) -> Timestamp? {
        var next = nextAckDeadline?.deadline ?? .max
        for request in waiting {
            if let deadline = request.deadline { next = min(next, deadline) }
            if request.heartbeat > 0 { next = min(next, request.nextHeartbeat) }
        }
        if config.isPush, config.idleHeartbeat > 0, push.isBound {
            next = min(next, push.nextHeartbeat)
        }
        if let until = config.pauseUntil, until > now { next = min(next, until.nanoseconds) }
        if let inactive = inactiveDeadline { next = min(next, inactive.nanoseconds) }
        return next == .max ? nil : Timestamp(nanoseconds: next)
    }

    /// When it is deleted unless something happens; nil while it is in use, and for those that stay.
    public var inactiveDeadline: Timestamp? {
        guard config.inactiveThreshold > 0, config.isPush ? !push.isBound : waiting.isEmpty else {
            return nil
        }
        return lastActivity.advanced(byNanoseconds: config.inactiveThreshold)
    }

    private var nextAckDeadline: DeadlineQueue.Entry? {
        mutating get {
            deadlines.first { entry in
                guard let delivery = pending[entry.sequence] else { return false }
                return delivery.deadline == entry.deadline && !delivery.isQueued
            }
        }
    }

    /// The next message to deliver: first what has to be delivered again, then what is left of a snapshot, then new ones.
    private mutating func nextSequence(
        readableUpTo: UInt64, stream: StreamMachine, now: Timestamp
    ) -> UInt64? {
        while let sequence = redeliveries.first {
            guard pending[sequence]?.isQueued == true else {
                redeliveries.removeFirst()
                continue
            }
            guard stream.ledger.contains(sequence) else {
                redeliveries.removeFirst()
                record(.forgotten(sequence), now: now)
                continue
            }
            return sequence
        }
        if config.maxAckPending > 0, pending.count >= config.maxAckPending { return nil }
        while let sequence = snapshot.first {
            if stream.ledger.contains(sequence) { return sequence <= readableUpTo ? sequence : nil }
            // Its removal was counted when the number of pending messages was.
            _ = pendingMessageCount(in: stream)
            snapshot.removeFirst()
        }
        let found = selector.next(from: max(cursor, searchedTo), in: stream.ledger)
        searchedTo = found ?? stream.ledger.lastSequence + 1
        guard let found, found <= readableUpTo else { return nil }
        return found
    }

    /// The first waiting request that takes a message of this size. Requests that have no room for it are told and over.
    private mutating func requestWithRoom(for byteCount: Int) -> WaitingRequest? {
        while let request = waiting.first {
            guard let left = request.bytesLeft, byteCount > left else { return request }
            waiting.removeFirst()
            reply(
                .messageTooLarge(pendingMessages: request.batch, pendingBytes: left),
                to: request.inbox)
        }
        return nil
    }

    private func ackSubjectByteCount(_ delivery: Delivery, timestamp: Timestamp) -> Int {
        // `$JS.ACK.`, two names, five numbers and the six dots between these seven.
        8 + stream.utf8.count + name.utf8.count + 6 + decimalDigitCount(delivery.deliveries)
            + decimalDigitCount(delivery.sequence.value)
            + decimalDigitCount(delivery.consumerSequence)
            + decimalDigitCount(UInt64(max(0, timestamp.nanoseconds)))
            + decimalDigitCount(delivery.pending)
    }
}

private func decimalDigitCount(_ number: UInt64) -> Int {
    var (count, rest) = (1, number)
    while rest >= 10 {
        rest /= 10
        count += 1
    }
    return count
}
