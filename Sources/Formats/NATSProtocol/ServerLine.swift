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
    /// Who connected did not say in time who it is.
    case authenticationTimeout
    case userExpired
    case userRevoked
    case accountExpired
    case tooManyAccountConnections
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
    /// After a reload: it is taken away.
    case subscriptionRemoved(subject: String, queue: String, sid: String)

    public var text: String {
        switch self {
        case .unknownOperation: "Unknown Protocol Operation"
        case .controlLineTooLong: "maximum control line exceeded"
        case .payloadTooLarge: "Maximum Payload Violation"
        case .authorizationViolation: "Authorization Violation"
        case .authenticationTimeout: "Authentication Timeout"
        case .userExpired: "User Authentication Expired"
        case .userRevoked: "User Authentication Revoked"
        case .accountExpired: "Account Authentication Expired"
        case .tooManyAccountConnections: "maximum account active connections exceeded"
        case .invalidClientProtocol: "invalid client protocol"
        case .noRespondersNeedsHeaders: "no responders requires headers support"
        case .staleConnection: "Stale Connection"
        case .tooManyConnections: "maximum connections exceeded"
        case .tooManySubscriptions: "maximum subscriptions exceeded"
        case .invalidSubject: "Invalid Subject"
        case .invalidPublishSubject: "Invalid Publish Subject"
        case .publishDenied(let subject): "Permissions Violation for Publish to \(GoQuoted(subject))"
        case .replyDenied(let reply):
            "Permissions Violation for Publish with Reply of \(GoQuoted(reply))"
        case .subscriptionDenied(let subject):
            "Permissions Violation for Subscription to \(GoQuoted(subject))"
        case .tooManyTokens(let subject):
            "Permissions Violation for Subscription to \(GoQuoted(subject)), too many tokens"
        case .queueDenied(let subject, let queue):
            "Permissions Violation for Subscription to \(GoQuoted(subject)) using queue \(GoQuoted(queue))"
        case .subscriptionRemoved(let subject, let queue, let sid):
            "Permissions Violation for Subscription to \(GoQuoted(subject))"
                + (queue.isEmpty ? "" : " using queue \(GoQuoted(queue))") + " (sid \(GoQuoted(sid)))"
        }
    }

    /// Whether it also ends the connection.
    public var endsConnection: Bool {
        switch self {
        case .invalidSubject, .invalidPublishSubject, .tooManySubscriptions, .publishDenied,
            .replyDenied, .subscriptionDenied, .tooManyTokens, .queueDenied, .subscriptionRemoved:
            false
        default: true
        }
    }
}
