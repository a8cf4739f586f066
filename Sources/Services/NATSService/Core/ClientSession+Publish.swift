import Bytes
import Glibc
import NATSProtocol
import Synchronization
import Transport

extension ClientSession {
    /// One PUB or HPUB.
    ///
    /// - Parameters:
    ///   - parser: not changed. By value, here and below, its 200 bytes would be copied for each
    ///     message.
    ///   - router: the session's, held by the caller: to read it from the session for each message
    ///     costs a retain and a release.
    @inline(__always)
    func publish(
        _ parser: inout ClientParser, _ bytes: RawSpan, _ base: UnsafeRawPointer,
        _ router: LoopRouter
    ) {
        let subject = base + parser.subject.start
        if mustAskFirst(&parser, bytes), isSettledBefore(&parser, bytes) { return }
        let entry = router.match(subject, parser.subject.count)
        var delivered = false
        if !entry.pointee.hasReceivers {
            // Nothing to put together for nobody.
        } else if parser.isCanonical {
            let tailStart = parser.subject.end &+ 1
            let message = RoutedMessage(
                subject: subject, subjectByteCount: parser.subject.count,
                tail: base + tailStart, tailByteCount: parser.end &- tailStart,
                reply: base + parser.reply.start, replyByteCount: parser.reply.count,
                contents: base + parser.payloadStart, headerByteCount: parser.headerByteCount,
                totalByteCount: parser.totalByteCount, hasHeaders: parser.hasHeaders,
                publisherID: connection.id)
            delivered = router.route(message, entry)
            if let tag = entry.pointee.plainCapture {
                router.capture(message, tag, client: [])
                delivered = true
            } else if entry.pointee.hasInterests, serve(message, entry, router) {
                delivered = true
            }
        } else {
            delivered = publishUncanonical(&parser, bytes)
        }
        if delivered { return }
        if parser.reply.count > 0, habits.contains(.noResponders) {
            tellNoResponders(&parser, bytes)
        }
    }

    /// Gives the message to the server itself.
    @inline(never)
    private func serve(
        _ message: borrowing RoutedMessage, _ entry: MatchCache.Entry, _ router: LoopRouter
    ) -> Bool {
        router.serve(message, entry.pointee.interests, MessageOrigin(session: self))
    }

    /// What comes before a message is routed.
    ///
    /// - Returns: whether that was all.
    @inline(never)
    private func isSettledBefore(_ parser: inout ClientParser, _ bytes: RawSpan) -> Bool {
        if habits.contains(.mapped), publishMapped(&parser, bytes) { return true }
        let subject = bytes.extracting(parser.subject.start..<parser.subject.end)
        return !mayPublish(subject, &parser, bytes)
    }

    /// Whether there is anything to do before the message is routed.
    @inline(__always)
    private func mustAskFirst(_ parser: inout ClientParser, _ bytes: RawSpan) -> Bool {
        if habits.rawValue & Habits.publishing.rawValue != 0 { return true }
        if isSpecial(bytes, parser.subject) { return true }
        return isSpecial(bytes, parser.reply)
    }

    /// Whether it may begin like one of the subjects that are the server's own.
    @inline(__always)
    private func isSpecial(_ bytes: RawSpan, _ subject: ByteRange) -> Bool {
        guard subject.count > 4 else { return false }
        let first = bytes[byteAt: subject.start]
        guard first == UInt8(ascii: "_") || first == UInt8(ascii: "$") else { return false }
        return bytes[byteAt: subject.start &+ 1] != UInt8(ascii: "I")
    }

    /// Answers what comes before the delivery: a refusal, or +OK.
    ///
    /// - Parameter subject: the one that the message goes to, which a mapping may have chosen.
    @inline(never)
    func mayPublish(
        _ subject: RawSpan, _ parser: inout ClientParser, _ bytes: RawSpan
    ) -> Bool {
        if habits.contains(.pedantic), !isLiteral(subject) { refuse(.invalidPublishSubject) }
        if subject.begins(with: "_GR_.") || subject.begins(with: "$GR.")
            || subject.begins(with: "$NRG.")
        {
            let text = String(repairingUTF8: subject)
            refuse(.publishDenied(subject: text))
            service.clientLog?.publishDenied(text, self)
            return false
        }
        if habits.contains(.restricted),
            !isAllowedToPublish(
                subject,
                subject.withUnsafeBytes {
                    router.match($0.baseAddress ?? LoopRouter.nowhere, $0.count)
                })
        {
            return false
        }
        let reply = bytes.extracting(parser.reply.start..<parser.reply.end)
        if reply.begins(with: "_R_.") || reply.begins(with: "_GR_.")
            || reply.begins(with: "$JS.ACK.")
        {
            let text = String(repairingUTF8: reply)
            refuse(.replyDenied(reply: text))
            service.clientLog?.replyDenied(text, self)
            return false
        }
        if habits.contains(.verbose) { connection.write(ServerLine.ok) }
        return true
    }

    /// A line whose rest can't be copied as it is.
    @inline(never)
    private func publishUncanonical(_ parser: inout ClientParser, _ bytes: RawSpan) -> Bool {
        let subject = bytes.extracting(parser.subject.start..<parser.subject.end)
        let payload = parser.payloadStart + parser.headerByteCount
        return router.routePieces(
            subject: subject, to: subject,
            reply: bytes.extracting(parser.reply.start..<parser.reply.end),
            headerByteCount: parser.headerByteCount, hasHeaders: parser.hasHeaders,
            headers: bytes.extracting(parser.payloadStart..<payload),
            payload: bytes.extracting(payload..<parser.payloadStart + parser.totalByteCount),
            publisherID: connection.id, origin: MessageOrigin(session: self))
    }

    /// Nobody got a request. If the client itself waits for the reply, it learns so at once.
    @inline(never)
    func tellNoResponders(_ parser: inout ClientParser, _ bytes: RawSpan) {
        let subject = bytes.extracting(parser.subject.start..<parser.subject.end)
        let reply = bytes.extracting(parser.reply.start..<parser.reply.end)
        guard let waiting = plainSubscription(matching: reply) else { return }
        var headers = Array("NATS/1.0 503\r\nNats-Subject: ".utf8)
        subject.withUnsafeBytes { headers.append(contentsOf: $0) }
        headers.append(contentsOf: "\r\n\r\n".utf8)
        var line = Array("HMSG ".utf8)
        reply.withUnsafeBytes { line.append(contentsOf: $0) }
        line.append(UInt8(ascii: " "))
        line.append(contentsOf: waiting.sid)
        line.append(contentsOf: " \(headers.count) \(headers.count)\r\n".utf8)
        line.append(contentsOf: headers)
        line.append(contentsOf: [0x0D, 0x0A])
        if waiting.isLimited {
            switch waiting.takePermit() {
            case .exhausted: return
            case .last: remove(waiting)
            case .granted: break
            }
        }
        connection.write(line.span.bytes)
        let counter = waiting.counter(of: router.loop.index)
        counter.pointee.store(counter.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    // MARK: Slowing down

    /// Whoever publishes faster than a receiver or loop 0 takes it waits a little between reads.
    func slowDownIfNeeded() {
        let loop = connection.loop
        let receiver = shared.options.noFastProducerStall ? nil : loop.congestedReceiver
        loop.congestedReceiver = nil
        guard receiver != nil || router.hub.isCongested && loop.index != 0, connection.isOpen,
            !connection.isReadingPaused
        else { return }
        connection.pauseReading()
        waitCount = 0
        statistics.stallCount &+= 1
        service.counters.stalls.add(1, ordering: .relaxed)
        waitForReceiver(receiver)
    }

    /// A millisecond at a time, ten at most: then the receiver's limit decides.
    private func waitForReceiver(_ receiver: Connection?) {
        connection.loop.schedule(afterNanoseconds: 1_000_000) { [self] in
            waitCount += 1
            let receiverIsSlow = waitCount < 10 && receiver?.isCongested == true
            if receiverIsSlow || router.hub.isCongested && connection.loop.index != 0 {
                waitForReceiver(receiver)
            } else {
                connection.resumeReading()
            }
        }
    }
}

extension RawSpan {
    fileprivate func begins(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard byteCount >= count else { return false }
        for index in 0..<count {
            // A static string's code units are there for `utf8CodeUnitCount` bytes.
            let wanted = unsafe text.utf8Start[index]
            if self[byteAt: index] != wanted { return false }
        }
        return true
    }
}
