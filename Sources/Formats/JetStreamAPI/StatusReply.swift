import Bytes

/// The header blocks without a body that stand for a status: to pull requests, direct gets and push consumers.
///
/// Source: nats-architecture-and-design ADR-13, ADR-31.
public enum StatusReply: Equatable, Sendable {
    case idleHeartbeat(lastConsumer: UInt64, lastStream: UInt64, stalled: String?)
    case flowControlRequest
    case endOfBatch(pending: UInt64, lastSequence: UInt64, upTo: UInt64?)
    case badRequest(String)
    case noMessages
    case messageNotFound
    case noResults
    case requestTimeout(pendingMessages: Int, pendingBytes: Int)
    case requestsPending
    case interestExpired
    case emptyRequest, malformedRequest, directBadRequest
    case messageTooLarge(pendingMessages: Int, pendingBytes: Int)
    case batchCompleted(pendingMessages: Int, pendingBytes: Int)
    case pushBased
    case exceededMaxWaiting
    case exceededMaxBatch(Int)
    case exceededMaxExpires(Int64)
    case exceededMaxBytes(Int)
    case consumerDeleted
    case serverShutdown
    case requiredApiLevel
    case tooManyResults
    case noResponders(subject: String)

    /// The whole block, from `NATS/1.0` to the empty line.
    public var headers: [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.append("NATS/1.0 ")
        writer.append(statusLine)
        writer.append("\r\n")
        for (name, value) in fields { writer.append("\(name): \(value)\r\n") }
        writer.append("\r\n")
        return writer.bytes
    }

    private var statusLine: String {
        switch self {
        case .idleHeartbeat: "100 Idle Heartbeat"
        case .flowControlRequest: "100 FlowControl Request"
        case .endOfBatch: "204 EOB"
        case .badRequest(let reason): "400 Bad Request - \(reason.singleLine)"
        case .noMessages: "404 No Messages"
        case .messageNotFound: "404 Message Not Found"
        case .noResults: "404 No Results"
        case .requestTimeout: "408 Request Timeout"
        case .requestsPending: "408 Requests Pending"
        case .interestExpired: "408 Interest Expired"
        case .emptyRequest: "408 Empty Request"
        case .malformedRequest: "408 Malformed Request"
        case .directBadRequest: "408 Bad Request"
        case .messageTooLarge: "409 Message Size Exceeds MaxBytes"
        case .batchCompleted: "409 Batch Completed"
        case .pushBased: "409 Consumer is push based"
        case .exceededMaxWaiting: "409 Exceeded MaxWaiting"
        case .exceededMaxBatch(let limit): "409 Exceeded MaxRequestBatch of \(limit)"
        case .exceededMaxExpires(let limit):
            "409 Exceeded MaxRequestExpires of \(goDuration(nanoseconds: limit))"
        case .exceededMaxBytes(let limit): "409 Exceeded MaxRequestMaxBytes of \(limit)"
        case .consumerDeleted: "409 Consumer Deleted"
        case .serverShutdown: "409 Server Shutdown"
        case .requiredApiLevel: "412 Required Api Level"
        case .tooManyResults: "413 Too Many Results"
        case .noResponders: "503"
        }
    }

    private var fields: [(String, String)] {
        switch self {
        case .idleHeartbeat(let consumer, let stream, let stalled):
            [("Nats-Last-Consumer", "\(consumer)"), ("Nats-Last-Stream", "\(stream)")]
                + (stalled.map { [("Nats-Consumer-Stalled", $0)] } ?? [])
        case .endOfBatch(let pending, let last, let upTo):
            [("Nats-Num-Pending", "\(pending)"), ("Nats-Last-Sequence", "\(last)")]
                + (upTo.map { [("Nats-UpTo-Sequence", "\($0)")] } ?? [])
        case .requestTimeout(let messages, let bytes), .messageTooLarge(let messages, let bytes),
            .batchCompleted(let messages, let bytes):
            [("Nats-Pending-Messages", "\(messages)"), ("Nats-Pending-Bytes", "\(bytes)")]
        case .noResponders(let subject): [("Nats-Subject", subject)]
        default: []
        }
    }
}

extension String {
    /// Without the line breaks that would end a header early.
    fileprivate var singleLine: String {
        var text = ""
        for scalar in unicodeScalars {
            text.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
        }
        return text
    }
}
