public import Model

/// One client connection as monitoring shows it: open now, or closed lately.
public struct ConnectionReport: Sendable {
    /// The number that INFO tells the client.
    public var id: UInt64
    public var isWebSocket = false
    public var host: String
    public var port: Int
    public var start: Timestamp
    /// When messages or subscriptions last came in, or messages went out.
    public var lastActivity: Timestamp
    /// Both nil while it is open.
    public var stop: Timestamp?
    public var reason: CloseReason?
    /// 0: not measured yet.
    public var roundTripNanoseconds: Int64 = 0
    public var pendingByteCount = 0
    public var messagesIn: UInt64 = 0
    public var messagesOut: UInt64 = 0
    /// Of headers and payload.
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// How often it waited for a receiver that could not keep up.
    public var stallCount: UInt64 = 0
    public var subscriptionCount = 0
    public var name = ""
    public var language = ""
    public var version = ""
    public var account: String
    /// Who logged in; empty where nobody has to.
    public var user = ""
    public var tlsVersion = ""
    public var tlsCipherSuite = ""
    /// It began with TLS, without an INFO before.
    public var isTLSFirst = false
    /// The client's own certificate; nil where it has shown none.
    public var certificate: CertificateReport?
    /// Only where they were asked for.
    public var subscriptions: [SubscriptionReport] = []

    init(id: UInt64, host: String, port: Int, start: Timestamp, account: String) {
        self.id = id
        self.host = host
        self.port = port
        self.start = start
        self.account = account
        lastActivity = start
    }
}

/// A client's certificate as monitoring shows it. Digests are SHA-256 in hex.
public struct CertificateReport: Sendable {
    public var subject: String
    public var keyDigest: String
    public var digest: String
}

/// One subscription as monitoring shows it.
public struct SubscriptionReport: Sendable {
    public var account: String
    public var subject: String
    /// Empty: none.
    public var queue: String
    public var sid: String
    public var messageCount: Int64
    /// What UNSUB has allowed, messages that came already included; 0 for no limit.
    public var maximum: Int64
    public var connectionID: UInt64
}

/// What a session counts about its own connection, on its loop.
struct SessionStatistics {
    /// When the connection was accepted.
    let start: Timestamp
    let startNanoseconds: Int64
    var messagesIn: UInt64 = 0
    var bytesIn: UInt64 = 0
    /// When commands other than PING and PONG last came in; monotonic.
    var lastInputNanoseconds: Int64
    var roundTripNanoseconds: Int64 = 0
    /// When the PING was sent whose answer is waited for; 0 for none.
    var pingNanoseconds: Int64 = 0
    var stallCount: UInt64 = 0

    init(start: Timestamp, nanoseconds: Int64) {
        self.start = start
        startNanoseconds = nanoseconds
        lastInputNanoseconds = nanoseconds
    }
}
