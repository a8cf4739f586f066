/// Short lines from the server.
public enum ServerLine {
    public static let ok = Array("+OK\r\n".utf8)
    public static let ping = Array("PING\r\n".utf8)
    public static let pong = Array("PONG\r\n".utf8)

    /// `-ERR '<text>'`
    public static func error(_ refusal: ClientRefusal) -> [UInt8] {
        Array("-ERR '\(refusal.text)'\r\n".utf8)
    }
}

/// Why the server refuses what a client does, in the words that client libraries look for.
///
/// Source: nats-server's errors.go and client.go.
public enum ClientRefusal: Equatable, Sendable {
    case unknownOperation
    case controlLineTooLong
    case payloadTooLarge
    case authorizationViolation
    case invalidClientProtocol
    case noRespondersNeedsHeaders
    case staleConnection
    case tooManyConnections
    case tooManySubscriptions
    case invalidSubject
    case invalidPublishSubject
    case publishDenied(subject: String)
    case replyDenied(reply: String)
    case subscriptionDenied(subject: String)
    case tooManyTokens(subject: String)
    case queueDenied(subject: String, queue: String)

    public var text: String {
        switch self {
        case .unknownOperation: "Unknown Protocol Operation"
        case .controlLineTooLong: "maximum control line exceeded"
        case .payloadTooLarge: "Maximum Payload Violation"
        case .authorizationViolation: "Authorization Violation"
        case .invalidClientProtocol: "invalid client protocol"
        case .noRespondersNeedsHeaders: "no responders requires headers support"
        case .staleConnection: "Stale Connection"
        case .tooManyConnections: "maximum connections exceeded"
        case .tooManySubscriptions: "maximum subscriptions exceeded"
        case .invalidSubject: "Invalid Subject"
        case .invalidPublishSubject: "Invalid Publish Subject"
        case .publishDenied(let subject): "Permissions Violation for Publish to \"\(subject)\""
        case .replyDenied(let reply):
            "Permissions Violation for Publish with Reply of \"\(reply)\""
        case .subscriptionDenied(let subject):
            "Permissions Violation for Subscription to \"\(subject)\""
        case .tooManyTokens(let subject):
            "Permissions Violation for Subscription to \"\(subject)\", too many tokens"
        case .queueDenied(let subject, let queue):
            "Permissions Violation for Subscription to \"\(subject)\" using queue \"\(queue)\""
        }
    }

    /// Whether it also ends the connection.
    public var endsConnection: Bool {
        switch self {
        case .invalidSubject, .invalidPublishSubject, .tooManySubscriptions, .publishDenied,
            .replyDenied, .subscriptionDenied, .tooManyTokens, .queueDenied:
            false
        default: true
        }
    }
}
