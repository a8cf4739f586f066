import Broker
import Bytes
import Catalog
import JetStream
import JetStreamAPI
import Model
import Transport

extension JetStreamService {
    /// A message on a subject that a stream takes.
    ///
    /// - Parameters:
    ///   - account: whose block this is, held by the caller, as the broker is, so that no message
    ///     has to.
    func publish(
        _ message: borrowing CapturedMessage, in account: JetStreamAccount, _ broker: Broker
    ) {
        guard let target = account.targets.target(of: message.subject) else {
            // The stream was deleted since.
            return reply(to: message.reply, .noResponders(subject: String(repairingUTF8: message.subject)))
        }
        let outcome: PublishOutcome
        if !held.isEmpty, held.hasSome(for: target.log.id) {
            // Behind those that came before.
            outcome = .waits
        } else if account.limits?.boundsBytes == true,
            !hasRoom(for: message, in: target.log, of: account)
        {
            outcome = .refused(.accountResourcesExceeded)
        } else if let stripped = withoutStatus(message.headers) {
            outcome = broker.publish(
                to: target.log, subject: message.subject, headers: stripped.span.bytes,
                payload: message.payload)
        } else {
            outcome = broker.publish(
                to: target.log, subject: message.subject, headers: message.headers,
                payload: message.payload)
        }
        if case .waits = outcome {
            guard hold(message, for: target.log) else { return answer(message, target, .refused(.insufficientResources)) }
            return
        }
        answer(message, target, outcome)
    }

    private func answer(
        _ message: borrowing CapturedMessage, _ target: PublishTargets.Target, _ outcome: PublishOutcome
    ) {
        guard message.hasReply, target.answers else { return }
        let assurance = target.log.assurance
        switch outcome {
        case .stored(let sequence):
            durableReplies.append(to: message.reply, when: assurance, target.acks, sequence: sequence.value)
        case .duplicate(let sequence):
            // The first one may still be on its way to the disk.
            durableReplies.append(
                to: message.reply, when: assurance, target.acks, sequence: sequence.value, isDuplicate: true)
        case .refused(let error):
            // In line with the others, so that a client gets its answers in order.
            durableReplies.append(
                to: message.reply, when: assurance, target.acks.refusal(error))
        case .waits: break
        }
    }

    private func hasRoom(
        for message: borrowing CapturedMessage, in log: PartitionLog, of account: JetStreamAccount
    ) -> Bool {
        // Topics that only Kafka has used are files.
        let storage = log.view?.config.storage ?? .file
        let byteCount =
            message.subject.byteCount + message.headers.byteCount + message.payload.byteCount
        return account.hasRoom(for: byteCount, in: storage, broker)
    }

    /// The header block without its status, which is not stored; nil if it has none.
    private func withoutStatus(_ headers: RawSpan) -> [UInt8]? {
        guard headers.byteCount > 10, headers[8] != 0x0D else { return nil }
        let version = Array("NATS/1.0".utf8)
        guard headers.extracting(0..<8).hasSameBytes(as: version.span.bytes) else { return nil }
        var lineEnd = 8
        while lineEnd < headers.byteCount, headers[lineEnd] != 0x0D { lineEnd += 1 }
        let rest = headers.extracting(lineEnd..<headers.byteCount)
        // Nothing but a status: no headers at all.
        return rest.byteCount <= 4 ? [] : version + Array(copying: rest)
    }

    /// What a client says about a message that it got.
    func acknowledge(_ message: borrowing CapturedMessage) {
        guard let subject = AckSubjectView(message.subject) else { return }
        guard let consumer = consumer(subject.consumer, of: subject.stream) else { return }
        let sequence = StreamSequence(subject.streamSequence)
        guard let word = AckMessage(message.payload) else {
            durableReplies.append(to: message.reply, when: consumer.log.assurance, [])
            return
        }
        let isTaken = broker.acknowledge(sequence, word, at: consumer)
        if case .next(let body) = word {
            pull(body.span.bytes, inbox: message.reply, from: consumer)
        } else if isTaken, !message.hasReply || broker.writeRecord(of: consumer) {
            // What could not be written down is not confirmed: the client asks again.
            durableReplies.append(to: message.reply, when: consumer.log.assurance, [])
        }
    }

    /// Acks of one consumer come one after the other: it is looked up once.
    private func consumer(_ name: RawSpan, of stream: RawSpan) -> StreamConsumer? {
        if let known = current.lastAcked, !known.consumer.isDeleted,
            name.hasSameBytes(as: known.name.span.bytes),
            stream.hasSameBytes(as: known.stream.span.bytes)
        {
            return known.consumer
        }
        guard let id = broker.catalog.log(
                streamName: String(repairingUTF8: stream), in: current.name),
            let consumer = broker.log(id)?.consumers[String(repairingUTF8: name)]
        else { return nil }
        current.lastAcked = LastAcked(
            consumer: consumer, stream: Array(copying: stream), name: Array(copying: name))
        return consumer
    }

    /// `$JS.FC.<stream>.<consumer>.<token>`
    func answerFlowControl(_ message: borrowing CapturedMessage) {
        let subject = String(repairingUTF8: message.subject)
        let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.count == 5, let id = broker.catalog.log(
                streamName: String(tokens[2]), in: current.name),
            let consumer = broker.log(id)?.consumers[String(tokens[3])]
        else { return }
        broker.flowControlAnswered(subject, at: consumer)
    }

    func pull(_ body: RawSpan, inbox: RawSpan, from consumer: StreamConsumer) {
        do {
            broker.pull(try PullRequest(body), inbox: inbox, from: consumer)
        } catch {
            reply(to: inbox, .badRequest(error.reason))
        }
    }
}
