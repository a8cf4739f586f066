import Broker
import Bytes
import JetStream
import JetStreamAPI
import Model
import Subjects
import Transport

/// `DIRECT.GET`: messages as they are, with where they come from in their headers.
///
/// Source: nats-architecture-and-design ADR-31.
extension JetStreamService {
    /// More than so many bytes are never sent for one request.
    private static let byteLimit = 32 << 20
    /// The most subjects whose last messages one request gets.
    private static let subjectLimit = 1024

    func answerDirectGet(_ request: borrowing APIRequest) {
        let tokens = request.tokens
        guard let log = try? broker.stream(named: tokens[2], in: current.name), let view = log.view,
            view.config.allowDirect
        else { return answerNobody(request) }
        let get: MessageGetRequest
        if tokens.count > 3 {
            // The subject stands in the request's own.
            guard request.payload.byteCount == 0 else {
                return reply(to: request.reply, .directBadRequest)
            }
            var named = MessageGetRequest()
            named.lastBySubject = request.rest(from: 3)
            get = named
        } else {
            guard request.payload.byteCount > 0 else {
                return reply(to: request.reply, .emptyRequest)
            }
            guard let parsed = try? MessageGetRequest(request.payload, isStrict: false) else {
                return reply(to: request.reply, .malformedRequest)
            }
            get = parsed
        }
        // Whoever does not listen gets nothing read.
        guard current.router.isTaken(request.reply) else { return }
        let isBatch = get.batch > 0 && get.multiLast.isEmpty
        guard !get.isEmpty else { return reply(to: request.reply, .emptyRequest) }
        guard !get.isContradictory else { return reply(to: request.reply, .directBadRequest) }
        if !get.multiLast.isEmpty {
            sendLastOfEach(get, log, to: request.reply)
        } else if isBatch, get.lastBySubject.isEmpty {
            sendBatch(get, log, to: request.reply)
        } else if let sequence = sequence(of: get, in: log) {
            if send(sequence, of: log, to: request.reply, extra: "", noHeaders: get.noHeaders)
                == nil
            {
                reply(to: request.reply, .messageNotFound)
            }
        } else {
            reply(to: request.reply, .messageNotFound)
        }
    }

    private func sendBatch(_ get: MessageGetRequest, _ log: PartitionLog, to inbox: RawSpan) {
        guard let view = log.view else { return }
        let filter =
            get.nextBySubject.isEmpty ? SubjectFilter.everything : SubjectFilter(get.nextBySubject)
        guard let filter else { return reply(to: inbox, .directBadRequest) }
        var start = StreamSequence(max(1, get.sequence))
        if let time = get.startTime { start = broker.sequence(from: time, in: log) }
        guard var next = view.next(from: start, matching: filter) else {
            return reply(to: inbox, .messageNotFound)
        }
        var pending = view.count(from: next, matching: filter)
        let limit = get.maxBytes > 0 ? min(get.maxBytes, Self.byteLimit) : Self.byteLimit
        var (byteCount, last) = (0, UInt64(0))
        for _ in 0..<get.batch {
            pending -= 1
            let extra = "Nats-Num-Pending: \(pending)\r\nNats-Last-Sequence: \(last)\r\n"
            if let sent = send(next, of: log, to: inbox, extra: extra, noHeaders: get.noHeaders) {
                byteCount += sent
                last = next.value
            }
            guard pending > 0, byteCount < limit,
                let following = view.next(from: next.next, matching: filter)
            else { break }
            next = following
        }
        reply(to: inbox, .endOfBatch(pending: pending, lastSequence: last, upTo: nil))
    }

    private func sendLastOfEach(_ get: MessageGetRequest, _ log: PartitionLog, to inbox: RawSpan) {
        guard let view = log.view else { return }
        let filters = get.multiLast.compactMap { SubjectFilter($0) }
        var end = view.lastSequence
        if get.upToSequence > 0 { end = min(end, StreamSequence(get.upToSequence)) }
        if let time = get.upToTime {
            let young = broker.sequence(from: time.advanced(byNanoseconds: 1), in: log)
            end = StreamSequence(young.value - 1)
        }
        guard
            let found = view.lastOfEach(matching: filters, upTo: end, limit: Self.subjectLimit)
        else { return reply(to: inbox, .tooManyResults) }
        let sequences = found.filter { $0.value >= get.sequence }
        guard !sequences.isEmpty else { return reply(to: inbox, .noResults) }
        let limit = get.maxBytes > 0 ? min(get.maxBytes, Self.byteLimit) : Self.byteLimit
        var (pending, byteCount, last) = (UInt64(sequences.count), 0, UInt64(0))
        for sequence in sequences.prefix(get.batch > 0 ? get.batch : .max) {
            pending -= 1
            let extra = "Nats-Num-Pending: \(pending)\r\nNats-Last-Sequence: \(last)\r\n"
            if let sent = send(sequence, of: log, to: inbox, extra: extra, noHeaders: get.noHeaders)
            {
                byteCount += sent
                last = sequence.value
            }
            if byteCount >= limit { break }
        }
        reply(to: inbox, .endOfBatch(pending: pending, lastSequence: last, upTo: end.value))
    }

    /// - Returns: how many bytes were sent; nil if there is no such message.
    private func send(
        _ sequence: StreamSequence, of log: PartitionLog, to inbox: RawSpan, extra: String,
        noHeaders: Bool
    ) -> Int? {
        let name = log.view?.config.name ?? ""
        let inbox = Array(copying: inbox)
        let routing = current.router
        let sent = try? broker.withMessage(sequence, of: log) {
            subject, headers, payload, time -> Int in
            if noHeaders {
                routing.publish(
                    subject: inbox.span.bytes, reply: nil, headers: nil, payload: payload)
                return inbox.count + payload.byteCount
            }
            var block = ByteWriter(capacity: headers.byteCount + 160)
            if headers.byteCount > 2 {
                block.append(headers.extracting(0..<headers.byteCount - 2))
            } else {
                block.append("NATS/1.0\r\n")
            }
            block.append("Nats-Stream: \(name)\r\nNats-Subject: ")
            block.append(subject)
            block.append(
                "\r\nNats-Sequence: \(sequence.value)\r\nNats-Time-Stamp: \(time.rfc3339)\r\n\(extra)\r\n"
            )
            routing.publish(
                subject: inbox.span.bytes, reply: nil, headers: block.bytes.span.bytes,
                payload: payload)
            return inbox.count + block.bytes.count + payload.byteCount
        }
        return sent ?? nil
    }
}
