import Synchronization

/// What stands between the sockets of a listener and the handlers of its connections.
public struct ConnectionPlan: Sendable {
    /// Nil: bytes are what they are.
    public var tls: TLSPlan?
    /// Nil: the protocol is spoken on the bare stream.
    public var webSocket: WebSocketSettings?

    public init(tls: TLSPlan? = nil, webSocket: WebSocketSettings? = nil) {
        self.tls = tls
        self.webSocket = webSocket
    }

    public static let plain = ConnectionPlan()
}

/// How connections begin with TLS.
public struct TLSPlan: Sendable {
    public enum Start: Sendable, Equatable {
        /// The server's first words, which are what the handler writes while it is made, go out
        /// in the clear; then the client begins with TLS.
        case afterGreeting
        /// The client begins with TLS.
        case first
        /// A client that sends nothing for so long gets the first words in the clear.
        case firstOrGreeting(afterNanoseconds: Int64)
    }

    public var context: TLSContext
    public var start = Start.afterGreeting
    /// Clients may go on in the clear after the greeting: their first byte tells.
    public var allowsPlain = false
    /// How long a handshake may take.
    public var timeoutNanoseconds: Int64 = 2_000_000_000
    /// Nil: as many handshakes as come.
    public var limit: HandshakeLimit?

    public init(context: TLSContext) { self.context = context }
}

/// How many handshakes may begin in a second. Any thread.
public final class HandshakeLimit: Sendable {
    public let perSecond: Int
    /// What a client that comes too soon is told, in the clear.
    public let lastWords: [UInt8]

    private struct Second {
        var end: Int64 = 0
        var count = 0
    }

    private let second = Mutex(Second())

    public init(perSecond: Int, lastWords: [UInt8]) {
        self.perSecond = perSecond
        self.lastWords = lastWords
    }

    func allows(atNanoseconds now: Int64) -> Bool {
        second.withLock { second in
            if now >= second.end { second = Second(end: now + 1_000_000_000, count: 0) }
            second.count += 1
            return second.count <= perSecond
        }
    }
}

/// How a client has reached its session.
public enum ConnectionKind: Sendable, Equatable { case client, webSocket }

/// Why a filter has ended its connection.
public enum FilterFailure: Error, Equatable, Sendable, CustomStringConvertible {
    case handshakeTimeout
    /// More handshakes than may begin in a second.
    case tooManyHandshakes
    /// What came first is nothing that TLS begins with.
    case notTLS
    /// The TLS library's reason, or `EOF` where the peer has gone.
    case handshake(String)
    /// The client's certificate is good, and not one of those that are let in.
    case unknownCertificate
    /// After the handshake.
    case tls(String)
    /// The request to speak WebSocket was refused, or did not come in time.
    case upgrade(String)
    /// Against the WebSocket protocol.
    case webSocket(String)

    /// Whether the connection was not yet what it should become.
    public var isBeforeStart: Bool {
        switch self {
        case .handshakeTimeout, .tooManyHandshakes, .notTLS, .handshake, .unknownCertificate,
            .upgrade:
            true
        case .tls, .webSocket: false
        }
    }

    public var description: String {
        switch self {
        case .handshakeTimeout: "TLS handshake timeout"
        case .tooManyHandshakes: "TLS handshake error: connection throttling is active"
        case .notTLS:
            "TLS handshake error: tls: first record does not look like a TLS handshake"
        case .handshake(let reason): "TLS handshake error: \(reason)"
        case .unknownCertificate: "TLS handshake error: certificate not pinned"
        case .tls(let reason): "read error: tls: \(reason)"
        case .upgrade(let reason): "websocket handshake error: \(reason)"
        case .webSocket(let reason): "read error: \(reason)"
        }
    }
}
