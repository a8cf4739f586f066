import Bytes
import JetStream
import JetStreamAPI
import Logging
import Model
import Storage
import Transport

extension Broker {
    /// How many messages a consumer sends before others have their turn.
    private static let messagesPerTurn = 4096
    /// How long a consumer waits for a receiver with too much pending.
    private static let congestionPause: Int64 = 1_000_000
    /// How long a consumer waits before it asks for room on a full disk again.
    private static let fullDiskPause: Int64 = 1_000_000_000
    /// How often a push consumer looks whether somebody listens, and whether somebody still does.
    private static let interestPause: Int64 = 100_000_000

    /// Has the consumer do what it can at the end of this turn.
    func wake(_ consumer: StreamConsumer) {
        guard !consumer.isListed, consumer.isReady, !consumer.isDeleted else { return }
        consumer.isListed = true
        consumersToRun.append(consumer)
    }

    func wakeConsumers(of log: PartitionLog) {
        for consumer in log.consumers.values { wake(consumer) }
    }

    func runConsumers() {
        guard !consumersToRun.isEmpty else { return }
        // Those that wake others, or themselves, are run in the next turn.
        let now = consumersToRun
        consumersToRun = []
        for consumer in now {
            consumer.isListed = false
            if !consumer.isDeleted, !consumer.log.isDeleted { run(consumer) }
        }
        if !consumersToRun.isEmpty { loop.post {} }
    }

    private func run(_ consumer: StreamConsumer) {
        guard let nats = routing(of: consumer.log) else { return }
        let now = loop.now
        consumer.machine.expire(now: now)
        if consumer.machine.config.pauseUntil != nil { tellEndOfPause(of: consumer) }
        if let inactive = consumer.machine.inactiveDeadline, inactive <= now,
            !consumer.machine.config.isPush || !isListenedTo(consumer)
        {
            flush(consumer)
            do { try deleteConsumer(consumer) } catch {
                self.log.error("consumer \(consumer.name) of log \(consumer.log.id.value) stays, though unused: \(error)")
                arm(consumer, atMost: Self.fullDiskPause)
            }
            return
        }
        if consumer.machine.config.isPush {
            consumer.machine.setBound(isListenedTo(consumer), now: now)
        }
        loop.congestedReceiver = nil
        switch deliver(consumer, nats: nats) {
        case .finished:
            consumer.machine.finishDelivering(now: now)
            flush(consumer)
            arm(consumer)
        case .interrupted:
            flush(consumer)
            wake(consumer)
        case .congested:
            flush(consumer)
            arm(consumer, atMost: Self.congestionPause)
        }
    }

    /// Whether some client subscribes to a push consumer's deliver subject.
    func isListenedTo(_ consumer: StreamConsumer) -> Bool {
        let subject = consumer.deliverSubject
        return routing(of: consumer.log)?.hasInterest(subject.span.bytes) ?? false
    }

    private enum DeliveryEnd { case finished, interrupted, congested }

    private func deliver(_ consumer: StreamConsumer, nats: any NATSRouting) -> DeliveryEnd {
        let now = loop.now
        let log = consumer.log
        let readable = StreamSequence(UInt64(log.readableEnd.value))
        var ackSubject: [UInt8] = []
        guard let view = log.view, !consumer.isOverdue else { return .finished }
        for _ in 0..<Self.messagesPerTurn {
            guard
                let next = consumer.machine.nextDelivery(
                    now: now, readableUpTo: readable, stream: view)
            else { return .finished }
            do {
                let isSent = try messages.withMessage(at: Offset(next.sequence), of: log, in: store) {
                    subject, headers, payload, time in
                    ackSubject.removeAll(keepingCapacity: true)
                    consumer.ackSubject.write(
                        deliveries: next.deliveries, streamSequence: next.sequence.value,
                        consumerSequence: next.consumerSequence,
                        timestampNanoseconds: time.nanoseconds, pending: next.pending,
                        to: &ackSubject)
                    return send(
                        next, subject, headers, payload, ackSubject: ackSubject, nats: nats)
                }
                switch isSent {
                case true?: consumer.machine.sent(next, now: now)
                case false?: consumer.machine.undeliverable(next, now: now)
                case nil: consumer.machine.unreadable(next, now: now)
                }
            } catch {
                self.log.error(
                    "message \(next.sequence.value) of log \(log.id.value) cannot be read: \(error)"
                )
                consumer.machine.unreadable(next, now: now)
            }
            if loop.congestedReceiver != nil { return .congested }
        }
        return .interrupted
    }

    private func send(
        _ delivery: Delivery, _ subject: RawSpan, _ headers: RawSpan, _ payload: RawSpan,
        ackSubject: [UInt8], nats: any NATSRouting
    ) -> Bool {
        if delivery.headersOnly {
            let block = withSize(headers, payload.byteCount)
            return nats.deliver(
                subject: subject, to: delivery.inbox.span.bytes, reply: ackSubject.span.bytes,
                headers: block.span.bytes, payload: payload.extracting(0..<0))
        }
        return nats.deliver(
            subject: subject, to: delivery.inbox.span.bytes, reply: ackSubject.span.bytes,
            headers: headers.byteCount > 0 ? headers : nil, payload: payload)
    }

    /// The header block with the payload's size added.
    private func withSize(_ headers: RawSpan, _ byteCount: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: headers.byteCount + 40)
        if headers.byteCount > 2 {
            writer.append(headers.extracting(0..<headers.byteCount - 2))
        } else {
            writer.append("NATS/1.0\r\n")
        }
        writer.append("Nats-Msg-Size: \(byteCount)\r\n\r\n")
        return writer.bytes
    }

    // MARK: What comes with it

    /// Writes the record, sends the statuses and advisories, and removes what acks remove, once it is written that they
    /// came.
    func flush(_ consumer: StreamConsumer) {
        let isWritten = writeRecord(of: consumer)
        let nats = routing(of: consumer.log)
        for effect in consumer.machine.takeEffects() {
            switch effect {
            case .status(let status, let inbox, let reply):
                let headers = status.headers
                nats?.publish(
                    subject: inbox.span.bytes, reply: reply.isEmpty ? nil : reply.span.bytes,
                    headers: headers.span.bytes, payload: RawSpan())
            case .maxDeliveries(let sequence, let deliveries):
                publish(
                    .maxDeliveries(
                        stream: consumer.machine.stream, consumer: consumer.name,
                        sequence: sequence.value, deliveries: deliveries),
                    to: consumer.log.account)
            case .terminated(let sequence, let own, let deliveries, let reason):
                publish(
                    .terminated(
                        stream: consumer.machine.stream, consumer: consumer.name,
                        consumerSequence: own, sequence: sequence.value, deliveries: deliveries,
                        reason: reason),
                    to: consumer.log.account)
            case .refused(let sequence, let own, let deliveries):
                publish(
                    .refused(
                        stream: consumer.machine.stream, consumer: consumer.name,
                        consumerSequence: own, sequence: sequence.value, deliveries: deliveries),
                    to: consumer.log.account)
            }
        }
        let keepsAcked = consumer.log.view?.config.retention == .limits
        guard keepsAcked || isWritten else { return }
        let settled = consumer.machine.takeSettled()
        guard !keepsAcked, !settled.isEmpty else { return }
        consumer.log.due.sequences += settled
        removeDue(from: consumer.log)
    }

    /// Tells whoever listens in the account; streams are listeners, too.
    public func publish(_ advisory: Advisory, to account: String) {
        guard let nats = nats?.routing(ofAccount: account) else { return }
        let subject = Array(advisory.subject.utf8)
        guard nats.isTaken(subject.span.bytes) else { return }
        let body = advisory.body(id: uniqueText(22), now: loop.now)
        nats.publishCaptured(
            subject: subject.span.bytes, reply: nil, headers: nil, payload: body.span.bytes)
    }

    public func publishWhenDurable(_ advisory: Advisory, to account: String) {
        whenDurable { [unowned self] in publish(advisory, to: account) }
    }

    /// Characters that nobody has had before, as far as chance goes.
    func uniqueText(_ count: Int) -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        return String(
            decoding: (0..<count).map { _ in alphabet[Int.random(in: 0..<62)] }, as: UTF8.self)
    }

    // MARK: The clock

    private func arm(_ consumer: StreamConsumer, atMost limit: Int64 = .max) {
        let now = loop.now
        var deadline = consumer.machine.nextDeadline(now: now)
        func noLater(than pause: Int64) {
            let time = now.advanced(byNanoseconds: pause)
            deadline = deadline.map { min($0, time) } ?? time
        }
        if limit < .max { noLater(than: limit) }
        if consumer.machine.config.isPush { noLater(than: Self.interestPause) }
        if consumer.machine.isAheadOfLog { noLater(than: Self.fullDiskPause) }
        if let timer = consumer.timer {
            if consumer.timerDeadline == deadline { return }
            loop.cancel(timer)
            consumer.timer = nil
        }
        consumer.timerDeadline = deadline
        guard let deadline else { return }
        consumer.timer = loop.schedule(
            afterNanoseconds: max(0, deadline.nanoseconds - now.nanoseconds)
        ) { [unowned self] in
            // Not weak: that would make every use of a consumer slower. Its timer is cancelled when it goes.
            consumer.timer = nil
            consumer.timerDeadline = nil
            wake(consumer)
        }
    }
}
