import Bytes

/// What a captured message is for. One message that matches several subscriptions of a tag is
/// captured once.
public struct CaptureTag: Hashable, Sendable {
    public var value: UInt8

    public init(_ value: UInt8) { self.value = value }

    /// The subject is one that some stream takes.
    public static let stream = CaptureTag(0)
    /// A request, `$JS.API.>`.
    public static let api = CaptureTag(1)
    /// `$JS.ACK.>`
    public static let acknowledgement = CaptureTag(2)
    /// `$JS.FC.>`
    public static let flowControl = CaptureTag(3)
}

/// Takes, on loop 0, what clients published and the server itself subscribes to.
public protocol InternalInbox: AnyObject {
    /// The block is good during the call only.
    func received(_ block: CapturedBlock)
}

/// The captured messages of one account, loop and turn, in order.
public final class CapturedBlock: @unchecked Sendable {
    public let loopIndex: Int
    /// Whose subjects these are.
    public let account: AccountRouting
    private var contents = Contents()

    fileprivate struct Record {
        var tag: CaptureTag
        var hasReply: Bool
        var connectionID: UInt64
        /// In this order in `bytes`: subject, reply, headers, payload, client.
        var start: Int
        var subjectByteCount: Int
        var replyByteCount: Int
        var headerByteCount: Int
        var payloadByteCount: Int
        var clientByteCount: Int
    }

    init(loopIndex: Int, account: AccountRouting) {
        self.loopIndex = loopIndex
        self.account = account
    }

    public var count: Int { contents.records.count }
    public var isEmpty: Bool { contents.records.isEmpty }
    public var byteCount: Int { contents.bytes.count }

    /// Calls `body` with each message, in the order in which they came.
    ///
    /// - Precondition: `body` leaves the block alone.
    public func forEach<Failure: Error>(
        _ body: (CapturedMessage) throws(Failure) -> Void
    ) throws(Failure) {
        try contents.forEach(body)
    }

    /// Appends a message; `contents` are headers and payload.
    @inline(__always)
    func append(
        tag: CaptureTag, connectionID: UInt64, subject: UnsafeRawBufferPointer,
        reply: UnsafeRawBufferPointer, headerByteCount: Int, contents: UnsafeRawBufferPointer,
        client: [UInt8]
    ) {
        self.contents.append(
            Record(
                tag: tag, hasReply: reply.count > 0, connectionID: connectionID,
                start: 0, subjectByteCount: subject.count, replyByteCount: reply.count,
                headerByteCount: headerByteCount,
                payloadByteCount: contents.count - headerByteCount,
                clientByteCount: client.count),
            subject.bytes, reply.bytes, contents.bytes, client.span.bytes)
    }

    /// Appends a copy of a message of another block.
    func append(_ message: borrowing CapturedMessage) {
        contents.append(
            Record(
                tag: message.tag, hasReply: message.hasReply, connectionID: message.connectionID, start: 0,
                subjectByteCount: message.subject.byteCount, replyByteCount: message.reply.byteCount,
                headerByteCount: message.headers.byteCount, payloadByteCount: message.payload.byteCount,
                clientByteCount: message.client.byteCount),
            message.subject, message.reply, message.contents, message.client)
    }

    func swapContents(with other: CapturedBlock) { swap(&contents, &other.contents) }

    func removeAll() { contents.removeAll() }
}

/// What a block holds, in one piece: a message that is appended touches it once.
private struct Contents: ~Copyable {
    var records: [CapturedBlock.Record] = []
    var bytes = GrowingBytes()

    @inline(__always)
    mutating func append(
        _ record: CapturedBlock.Record, _ subject: RawSpan, _ reply: RawSpan, _ contents: RawSpan, _ client: RawSpan
    ) {
        var record = record
        record.start = bytes.count
        records.append(record)
        bytes.reserve(subject.byteCount + reply.byteCount + contents.byteCount + client.byteCount)
        bytes.append(subject)
        bytes.append(reply)
        bytes.append(contents)
        bytes.append(client)
    }

    func forEach<Failure: Error>(
        _ body: (CapturedMessage) throws(Failure) -> Void
    ) throws(Failure) {
        let all = bytes.span
        for record in records {
            let replyStart = record.start + record.subjectByteCount
            let headerStart = replyStart + record.replyByteCount
            let payloadStart = headerStart + record.headerByteCount
            let message = CapturedMessage(
                record, all, replyStart: replyStart, headerStart: headerStart,
                payloadStart: payloadStart)
            try body(message)
        }
    }

    mutating func removeAll() {
        records.removeAll(keepingCapacity: records.capacity < 4096)
        bytes.removeAll(keepingAtMost: 1 << 20)
    }
}

/// A message that a client published, borrowed from its block.
public struct CapturedMessage: ~Escapable {
    public let tag: CaptureTag
    /// Who published it: ``Connection/id``.
    public let connectionID: UInt64
    public let hasReply: Bool
    public let subject: RawSpan
    /// Empty if there is none.
    public let reply: RawSpan
    /// The whole header block; empty if there is none.
    public let headers: RawSpan
    public let payload: RawSpan
    /// Headers and payload.
    let contents: RawSpan
    /// Who published it, as JSON; empty where no audit is heard.
    public let client: RawSpan

    @_lifetime(copy all)
    fileprivate init(
        _ record: CapturedBlock.Record, _ all: RawSpan, replyStart: Int, headerStart: Int,
        payloadStart: Int
    ) {
        tag = record.tag
        connectionID = record.connectionID
        hasReply = record.hasReply
        subject = all.extracting(record.start..<replyStart)
        reply = all.extracting(replyStart..<headerStart)
        headers = all.extracting(headerStart..<payloadStart)
        let payloadEnd = payloadStart + record.payloadByteCount
        payload = all.extracting(payloadStart..<payloadEnd)
        contents = all.extracting(headerStart..<payloadEnd)
        client = all.extracting(payloadEnd..<payloadEnd + record.clientByteCount)
    }
}
