import Bytes
import Subjects
import Transport

/// What the server does with messages itself, and how requests and answers cross accounts.
///
/// A router's matches are good until its next one, and a message may come back to the account that
/// it began in: so nobody here looks at an entry any more once something was passed on.
extension LoopRouter {
    /// - Returns: whether anybody took it.
    @inline(never)
    func serve(
        _ message: borrowing RoutedMessage, _ interests: [InternalInterest],
        _ origin: MessageOrigin
    ) -> Bool {
        var isTaken = false
        for interest in interests {
            switch interest {
            case .capture(let tag):
                guard origin.captures else { continue }
                capture(message, tag, client: tag == .api && isAudited ? client(origin) : [])
                isTaken = true
            case .service(let service):
                if passOn(message, service, origin) { isTaken = true }
            case .responses(let table):
                if passBack(message, table, origin) { isTaken = true }
            case .callout(let table):
                let subject = matched(message, origin)
                message.withParts { _, payload in
                    table.answered(subject, [UInt8](copying: payload))
                }
                isTaken = true
            case .handler(let handler):
                guard origin.captures else { continue }
                if handler.handle(request(message, origin)) { isTaken = true }
            }
        }
        return isTaken
    }

    private func request(
        _ message: borrowing RoutedMessage, _ origin: MessageOrigin
    ) -> SystemRequest {
        SystemRequest(
            subject: String(decoding: message.subjectBytes, as: UTF8.self),
            reply: message.replyBytes,
            payload: message.withParts { _, payload in [UInt8](copying: payload) },
            account: account, identity: origin.session?.identity)
    }

    /// A request becomes one of the account that exports the service.
    private func passOn(
        _ message: borrowing RoutedMessage, _ service: ServiceImport, _ origin: MessageOrigin
    ) -> Bool {
        guard origin.depth < MessageOrigin.maximumDepth,
            var subject = self.subject(of: message, origin, for: service)
        else { return false }
        let exporter = service.exporter.router(on: loop)
        exporter.begin()
        switch service.exporter.mapped(subject.span.bytes, random: exporter.nextRandom()) {
        case .same: break
        case .mapped(let other): subject = other
        case .dropped: return true
        }
        var reply: [UInt8] = []
        if message.replyByteCount > 0 {
            let request = ResponseTable.Request(
                account: account, inbox: message.replyBytes, response: service.response,
                thresholdNanoseconds: service.thresholdNanoseconds)
            reply = service.exporter.expect(request, now: loop.monotonicNanoseconds)
        }
        var next = origin
        next.session = nil
        next.inbox = nil
        next.depth += 1
        let info = requestInfo(service, origin)
        next.request = info
        var delivered = false
        let entry = exporter.match(subject)
        let interests = entry.pointee.interests
        let publisherID = message.publisherID
        message.withParts { headers, payload in
            if entry.pointee.recipientCount > 0 {
                let headers = info.added(to: headers)
                delivered = exporter.withMessage(
                    subject: subject.span.bytes, reply: reply.span.bytes,
                    headers: headers.span.bytes, payload: payload, publisherID: publisherID
                ) { exporter.route($0, entry) }
            }
            if interests.isEmpty { return }
            // What the server itself takes is the message as it was published.
            let served = exporter.withMessage(
                subject: subject.span.bytes, reply: reply.span.bytes, headers: headers,
                payload: payload, publisherID: publisherID
            ) { exporter.serve($0, interests, next) }
            if served { delivered = true }
        }
        if !delivered, !reply.isEmpty { service.exporter.responses.forget(reply) }
        return delivered
    }

    /// An answer goes to the account that asked.
    private func passBack(
        _ message: borrowing RoutedMessage, _ table: ResponseTable, _ origin: MessageOrigin
    ) -> Bool {
        guard origin.depth < MessageOrigin.maximumDepth else { return false }
        let subject = matched(message, origin)
        let now = loop.monotonicNanoseconds
        let isEmpty = message.totalByteCount == 0
        guard let request = table.answered(subject, isEmpty: isEmpty, now: now) else {
            return false
        }
        let importer = request.account.router(on: loop)
        importer.begin()
        var reply = message.replyBytes
        if !reply.isEmpty, origin.session != nil {
            // Who asked may answer in turn. What the server says, such as where to ack, stays.
            reply = request.account.expect(
                ResponseTable.Request(
                    account: account, inbox: reply, response: request.response,
                    thresholdNanoseconds: request.thresholdNanoseconds), now: now)
        }
        var next = origin
        next.session = nil
        next.depth += 1
        // A stored message keeps its own subject.
        next.inbox = origin.inbox == nil ? nil : request.inbox
        let shown = origin.inbox == nil ? request.inbox : message.subjectBytes
        let entry = importer.match(request.inbox)
        let interests = entry.pointee.interests
        let publisherID = message.publisherID
        return message.withParts { headers, payload in
            importer.withMessage(
                subject: shown.span.bytes, reply: reply.span.bytes, headers: headers,
                payload: payload, publisherID: publisherID
            ) {
                var delivered = importer.route($0, entry)
                if !interests.isEmpty, importer.serve($0, interests, next) { delivered = true }
                return delivered
            }
        }
    }

    private func subject(
        of message: borrowing RoutedMessage, _ origin: MessageOrigin, for service: ServiceImport
    ) -> [UInt8]? {
        let matched = matched(message, origin)
        return service.subject(for: matched.span.bytes)
    }

    /// The subject that found the receivers.
    private func matched(
        _ message: borrowing RoutedMessage, _ origin: MessageOrigin
    ) -> [UInt8] {
        if let inbox = origin.inbox { return inbox }
        return message.subjectBytes
    }

    private func requestInfo(_ service: ServiceImport, _ origin: MessageOrigin) -> RequestInfo {
        guard var info = origin.request else {
            return origin.session.map { $0.requestInfo(isShared: service.shares) }
                ?? RequestInfo(account: account.name)
        }
        info.service = account.name
        if service.shares, info.serverName == nil { info.serverName = hub.serverName }
        return info
    }

    /// Who asks the server itself for something, as JSON.
    private func client(_ origin: MessageOrigin) -> [UInt8] {
        var info = origin.session?.requestInfo(isShared: true) ?? origin.request
        if origin.session == nil { info?.service = account.name }
        info?.serverName = hub.serverName
        return info?.json ?? Array("null".utf8)
    }

    func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random >> 11
    }
}
