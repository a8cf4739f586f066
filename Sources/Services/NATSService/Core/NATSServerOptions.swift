public import Transport

/// What the NATS side of the server is told at its start. Defaults are nats-server's.
public struct NATSServerOptions: Sendable {
    public var host = "0.0.0.0"
    /// 0 takes a free one.
    public var port = 4222
    public var serverName = ""
    /// The account in which the server speaks about itself.
    public var systemAccount = AccountRouting.systemName
    /// Words by which requests to all servers choose some.
    public var tags: [String] = []
    /// What an operator says of the server, shown with it.
    public var metadata: [String: String] = [:]
    /// 56 characters: N and base32. Made up at the start if empty.
    public var serverID = ""
    /// The nats-server whose features are there.
    public var version = "2.15.0"
    public var jetStream = false
    /// The level of the JetStream API, shown in INFO.
    public var apiLevel = 5
    public var domain = ""
    /// Headers and payload together.
    public var maximumPayload = 1 << 20
    public var maximumControlLine = 4096
    /// A client with more bytes than this waiting is a slow consumer, and cut off.
    public var maximumPending = 64 << 20
    public var maximumConnections = 65536
    /// Of one connection; 0 for no limit.
    public var maximumSubscriptions = 0
    /// Of a subject that is subscribed to; 0 for no limit.
    public var maximumSubscriptionTokens = 0
    /// So many connections that ended are remembered for monitoring.
    public var maximumClosedClients = 10_000
    public var pingIntervalNanoseconds: Int64 = 120_000_000_000
    /// So many unanswered PINGs end the connection.
    public var maximumPingsOut = 2
    /// How long a client may take nothing of what waits for it.
    public var writeDeadlineNanoseconds: Int64 = 10_000_000_000
    /// A receiver that cannot keep up is passed over, and its publishers do not wait for it.
    public var noFastProducerStall = false
    /// `host` or `host:port` that INFO names in place of the real ones; empty names those.
    public var clientAdvertise = ""
    /// In lame duck mode: over how long the clients are asked to leave, and how long before that
    /// begins.
    public var lameDuckDurationNanoseconds: Int64 = 120_000_000_000
    public var lameDuckGraceNanoseconds: Int64 = 10_000_000_000

    /// TLS on the client port; nil for none.
    public var tls: TLSPlan?
    /// Nil: there is no port for WebSocket clients.
    public var webSocket: WebSocketListenerOptions?

    public init() {}

    /// What INFO says: the advertised address, with the real port where it names none.
    func advertised(port: Int) -> (host: String, port: Int) {
        guard !clientAdvertise.isEmpty else { return (host, port) }
        guard let colon = clientAdvertise.lastIndex(of: ":"), !clientAdvertise.hasSuffix("]"),
            let named = Int(clientAdvertise[clientAdvertise.index(after: colon)...])
        else { return (clientAdvertise, port) }
        let host = clientAdvertise[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        return (String(isBracketed ? host.dropFirst().dropLast() : host), named > 0 ? named : port)
    }
}

/// A port for NATS inside WebSocket.
public struct WebSocketListenerOptions: Sendable {
    public var host = "0.0.0.0"
    /// 0 takes a free one.
    public var port = 443
    /// Nil: `ws://` instead of `wss://`. The client begins with TLS, whatever the plan says.
    public var tls: TLSPlan?
    public var settings = WebSocketSettings()

    public init() {}
}

/// The options as of one reload, for all sessions of a loop.
final class SharedOptions: Sendable {
    let options: NATSServerOptions

    init(_ options: NATSServerOptions) { self.options = options }
}
