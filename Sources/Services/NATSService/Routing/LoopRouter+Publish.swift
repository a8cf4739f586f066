import Bytes
import Glibc
import NATSProtocol
import Subjects
import Synchronization
import Transport

/// A message on its way through a router. It points into memory that its maker keeps for the call.
struct RoutedMessage {
    /// What receivers see; it may differ from the subject that found them.
    var subject: UnsafeRawPointer
    var subjectByteCount: Int
    /// `[reply ]size[s]CRLF contents CRLF`: everything behind the sid of a MSG or HMSG.
    var tail: UnsafeRawPointer
    var tailByteCount: Int
    var reply: UnsafeRawPointer
    var replyByteCount: Int
    /// Headers and payload.
    var contents: UnsafeRawPointer
    var headerByteCount: Int
    var totalByteCount: Int
    var hasHeaders: Bool
    /// The publishing connection; 0 is the server.
    var publisherID: UInt64
}

/// Budget of a delivery on the fast path: one copy of the message, no allocation, no lock, no
/// reference counting.
///
/// Unsafe has an address here: each pointer is into a stage whose room was reserved for the bytes
/// that are written, or into a message whose lengths the parser has checked.
extension LoopRouter {
    /// Delivers to all of the entry's subscribers, one of each queue group, and the server's inbox.
    ///
    /// - Returns: whether anybody got it.
    @inline(__always)
    func route(_ message: borrowing RoutedMessage, _ entry: MatchCache.Entry) -> Bool {
        var count = 0
        let recipients = entry.pointee.recipients
        let plainCount = entry.pointee.plainCount
        var index = 0
        while index < plainCount {
            if deliver(message, recipients + index) { count &+= 1 }
            index &+= 1
        }
        if plainCount < entry.pointee.recipientCount { count &+= routeToGroups(message, entry) }
        statistics.messagesOut &+= UInt64(truncatingIfNeeded: count)
        statistics.bytesOut &+= UInt64(truncatingIfNeeded: count &* message.totalByteCount)
        return count > 0
    }

    @inline(never)
    private func routeToGroups(
        _ message: borrowing RoutedMessage, _ entry: MatchCache.Entry
    ) -> Int {
        var count = 0
        var start = entry.pointee.plainCount
        for end in entry.pointee.groupEnds {
            let members = end - start
            // A random one, or the first behind it that takes the message.
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            let first = Int(truncatingIfNeeded: random >> 33) % members
            for step in 0..<members {
                var member = first + step
                if member >= members { member -= members }
                let recipient = entry.pointee.recipients + (start + member)
                if recipient.pointee.subscription._withUnsafeGuaranteedRef({ $0.connection.isGone })
                {
                    continue
                }
                if deliver(message, recipient) {
                    count += 1
                    break
                }
            }
            start = end
        }
        return count
    }

    @inline(__always)
    private func deliver(
        _ message: borrowing RoutedMessage, _ recipient: UnsafeMutablePointer<Recipient>
    ) -> Bool {
        if !recipient.pointee.traits.isEmpty { return deliverSlowly(message, recipient) }
        put(message, recipient)
        return true
    }

    @inline(__always)
    private func put(
        _ message: borrowing RoutedMessage, _ recipient: UnsafeMutablePointer<Recipient>
    ) {
        let stage = recipient.pointee.stage
        // Verb with its space, a space behind the subject, 16 bytes for the sid.
        let room = message.subjectByteCount &+ message.tailByteCount &+ 24
        if stage.pointee.count &+ room > stage.pointee.capacity {
            makeRoom(room, recipient)
        }
        var out = stage.pointee.base.unsafelyUnwrapped + stage.pointee.count
        let start = out
        if message.hasHeaders {
            out.storeBytes(of: UInt8(ascii: "H"), as: UInt8.self)
            out += 1
        }
        out.storeBytes(of: 0x2047_534D, as: UInt32.self)  // "MSG "
        out += 4
        copy(message.subject, message.subjectByteCount, to: out)
        out += message.subjectByteCount
        out.storeBytes(of: 0x20, as: UInt8.self)
        out += 1
        out.storeBytes(of: recipient.pointee.sid0, as: UInt64.self)
        (out + 8).storeBytes(of: recipient.pointee.sid1, as: UInt64.self)
        out += recipient.pointee.sidByteCount
        memcpy(out, message.tail, message.tailByteCount)
        out += message.tailByteCount
        stage.pointee.count &+= out - start
        DeliveryCounters.beside(stage).pointee.count(message.totalByteCount)
        let counter = recipient.pointee.counter
        counter.pointee.store(counter.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// For short pieces, without a call.
    @inline(__always)
    private func copy(_ from: UnsafeRawPointer, _ count: Int, to: UnsafeMutableRawPointer) {
        if count >= 8 {
            var index = 0
            while index &+ 8 < count {
                let word = from.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                to.storeBytes(of: word, toByteOffset: index, as: UInt64.self)
                index &+= 8
            }
            let word = from.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
            to.storeBytes(of: word, toByteOffset: count &- 8, as: UInt64.self)
        } else {
            var index = 0
            while index < count {
                to.storeBytes(
                    of: from.load(fromByteOffset: index, as: UInt8.self), toByteOffset: index,
                    as: UInt8.self)
                index &+= 1
            }
        }
    }

    @inline(never)
    private func makeRoom(_ room: Int, _ recipient: UnsafeMutablePointer<Recipient>) {
        recipient.pointee.subscription._withUnsafeGuaranteedRef {
            loop.makeRoom(room, in: recipient.pointee.stage, of: $0.connection)
        }
    }

    /// For receivers with a trait: no echo, no headers, a limit, a long sid.
    @inline(never)
    private func deliverSlowly(
        _ message: borrowing RoutedMessage, _ recipient: UnsafeMutablePointer<Recipient>
    ) -> Bool {
        let traits = recipient.pointee.traits
        if traits.contains(.noEcho), recipient.pointee.connectionID == message.publisherID {
            return false
        }
        let subscription = recipient.pointee.subscription.takeUnretainedValue()
        if traits.contains(.skippedWhenFull), subscription.connection.isCongested { return false }
        var isLast = false
        if traits.contains(.limited) {
            switch subscription.takePermit() {
            case .granted: break
            case .last: isLast = true
            case .exhausted: return false
            }
        }
        if traits.contains(.givesAnswers), message.replyByteCount > 0 {
            subscription.permitAnswer(
                to: UnsafeRawBufferPointer(start: message.reply, count: message.replyByteCount)
                    .bytes, now: loop.monotonicNanoseconds)
        }
        let strips = message.hasHeaders && traits.contains(.noHeaders)
        if traits.contains(.mapped) || strips || traits.contains(.longSID) {
            let subject = message.subjectBytes
            let shown = subscription.mapping?.apply(to: subject.span.bytes) ?? subject
            putPieces(message, recipient, shown, subscription.sid, withHeaders: !strips)
        } else {
            put(message, recipient)
        }
        if isLast {
            index.remove(subscription)
            epoch &+= 1
            exhausted(subscription)
        }
        return true
    }

    private func putPieces(
        _ message: borrowing RoutedMessage, _ recipient: UnsafeMutablePointer<Recipient>,
        _ subject: [UInt8], _ sid: [UInt8], withHeaders: Bool
    ) {
        let dropped = withHeaders ? 0 : message.headerByteCount
        let total = message.totalByteCount - dropped
        var out: [UInt8] = []
        out.reserveCapacity(subject.count + message.tailByteCount + sid.count + 16)
        let writesHeaders = message.hasHeaders && withHeaders
        out.append(contentsOf: (writesHeaders ? "HMSG " : "MSG ").utf8)
        out += subject
        out.append(UInt8(ascii: " "))
        out.append(contentsOf: sid)
        out.append(UInt8(ascii: " "))
        if message.replyByteCount > 0 {
            out.append(
                contentsOf: UnsafeRawBufferPointer(
                    start: message.reply, count: message.replyByteCount))
            out.append(UInt8(ascii: " "))
        }
        if writesHeaders { out.append(contentsOf: "\(message.headerByteCount) ".utf8) }
        out.append(contentsOf: "\(total)\r\n".utf8)
        out.append(
            contentsOf: UnsafeRawBufferPointer(start: message.contents + dropped, count: total))
        out.append(contentsOf: [0x0D, 0x0A])
        let connection = recipient.pointee.subscription._withUnsafeGuaranteedRef { $0.connection }
        connection.write(out.span.bytes, from: loop)
        DeliveryCounters.beside(recipient.pointee.stage).pointee.count(total)
        let counter = recipient.pointee.counter
        counter.pointee.store(counter.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    }

    /// Puts a message together that is not in a publisher's bytes, or not in canonical form, and
    /// routes it by `inbox` with `subject` to see.
    func routePieces(
        subject: RawSpan, to inbox: RawSpan, reply: RawSpan, headerByteCount: Int, hasHeaders: Bool,
        headers: RawSpan, payload: RawSpan, publisherID: UInt64, origin: MessageOrigin
    ) -> Bool {
        let entry = inbox.withUnsafeBytes { match($0.baseAddress ?? Self.nowhere, $0.count) }
        let interests = entry.pointee.interests
        if entry.pointee.recipientCount == 0, interests.isEmpty { return false }
        return withMessage(
            subject: subject, reply: reply, hasHeaders: hasHeaders, headers: headers,
            payload: payload, publisherID: publisherID
        ) {
            var delivered = route($0, entry)
            if !interests.isEmpty, serve($0, interests, origin) { delivered = true }
            return delivered
        }
    }

    /// Calls `body` with a message put together from pieces.
    func withMessage(
        subject: RawSpan, reply: RawSpan, hasHeaders: Bool? = nil, headers: RawSpan,
        payload: RawSpan, publisherID: UInt64, _ body: (borrowing RoutedMessage) -> Bool
    ) -> Bool {
        // Taken out, since `body` may come back here.
        var tail: [UInt8] = []
        swap(&tail, &self.tail)
        tail.removeAll(keepingCapacity: tail.capacity < 1 << 20)
        append(reply, to: &tail)
        if !reply.isEmpty { tail.append(UInt8(ascii: " ")) }
        let hasHeaders = hasHeaders ?? (headers.byteCount > 0)
        let total = headers.byteCount + payload.byteCount
        if hasHeaders {
            append(headers.byteCount, to: &tail)
            tail.append(UInt8(ascii: " "))
        }
        append(total, to: &tail)
        tail.append(0x0D)
        tail.append(0x0A)
        let contentStart = tail.count
        append(headers, to: &tail)
        append(payload, to: &tail)
        tail.append(0x0D)
        tail.append(0x0A)
        let result = tail.withUnsafeBytes { tail in
            subject.withUnsafeBytes { subject in
                body(
                    RoutedMessage(
                        subject: subject.baseAddress ?? Self.nowhere,
                        subjectByteCount: subject.count, tail: tail.baseAddress!,
                        tailByteCount: tail.count, reply: tail.baseAddress!,
                        replyByteCount: reply.byteCount,
                        contents: tail.baseAddress! + contentStart,
                        headerByteCount: headers.byteCount, totalByteCount: total,
                        hasHeaders: hasHeaders, publisherID: publisherID))
            }
        }
        swap(&tail, &self.tail)
        return result
    }

    /// Routes each answer of a batch to its inbox, from where it lies.
    func routeReplies(_ replies: ReplyBatch) {
        replies.withBytes { bytes in
            bytes.withUnsafeBytes { route(replies.places, in: $0) }
        }
    }

    private func route(_ replies: [ReplyBatch.Place], in bytes: UnsafeRawBufferPointer) {
        let base = bytes.baseAddress ?? Self.nowhere
        for reply in replies {
            let inbox = base + reply.inbox
            let inboxByteCount = reply.tail &- reply.inbox
            let entry = match(inbox, inboxByteCount)
            if !entry.pointee.hasReceivers { continue }
            let message = RoutedMessage(
                subject: inbox, subjectByteCount: inboxByteCount, tail: base + reply.tail,
                tailByteCount: reply.end &- reply.tail, reply: base, replyByteCount: 0,
                contents: base + reply.contents, headerByteCount: 0,
                totalByteCount: reply.end &- 2 &- reply.contents, hasHeaders: false, publisherID: 0)
            _ = route(message, entry)
            if entry.pointee.hasInterests {
                _ = serve(message, entry.pointee.interests, MessageOrigin(captures: false))
            }
        }
    }

    /// Something for empty ranges to point to.
    nonisolated(unsafe) static let nowhere = UnsafeRawPointer(
        UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8))

    private func append(_ bytes: RawSpan, to out: inout [UInt8]) {
        bytes.withUnsafeBytes { out.append(contentsOf: $0) }
    }

    private func append(_ number: Int, to out: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &out) }
        out.append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}

/// The parts of a message, for what copies them.
extension RoutedMessage {
    var subjectBytes: [UInt8] {
        Array(UnsafeRawBufferPointer(start: subject, count: subjectByteCount))
    }

    var replyBytes: [UInt8] { Array(UnsafeRawBufferPointer(start: reply, count: replyByteCount)) }

    func withParts<Result>(_ body: (_ headers: RawSpan, _ payload: RawSpan) -> Result) -> Result {
        let headers = UnsafeRawBufferPointer(start: contents, count: headerByteCount)
        let payload = UnsafeRawBufferPointer(
            start: contents + headerByteCount, count: totalByteCount - headerByteCount)
        return body(headers.bytes, payload.bytes)
    }
}
