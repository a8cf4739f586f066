/// The `websocket` block: NATS inside WebSocket, for browsers.
public struct WebSocketOptions: Sendable, Equatable {
    public var host = "0.0.0.0"
    public var port = 443
    /// `host:port` that INFO names to WebSocket clients.
    public var advertise: String?
    /// Must be said where there is no `tls`.
    public var noTLS = false
    public var tls: TLSOptions?
    /// Whether pages of other origins are refused.
    public var sameOrigin = false
    /// Origins that pages may come from; empty: any.
    public var allowedOrigins: [String] = []
    /// How long the upgrade may take.
    public var handshakeTimeoutNanoseconds: Int64 = 2_000_000_000
    public var compression = false
    /// Nil: as on the client port.
    public var pingIntervalNanoseconds: Int64?
    /// Where set, in place of the server's own.
    public var user: String?
    public var password: String?
    public var token: String?
    public var authorizationTimeoutNanoseconds: Int64?
    public var noAuthUser: String?
    /// Cookies that bring credentials.
    public var jwtCookie: String?
    public var userCookie: String?
    public var passwordCookie: String?
    public var tokenCookie: String?
    /// Further headers of the answer to an upgrade.
    public var headers: [HTTPHeaderOption] = []

    public init() {}
}

public struct HTTPHeaderOption: Sendable, Equatable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
