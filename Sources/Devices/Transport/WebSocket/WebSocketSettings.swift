/// What a WebSocket listener accepts. Names are those of nats-server's `websocket` block.
public struct WebSocketSettings: Sendable, Equatable {
    /// How long TLS and the request to upgrade may take together.
    public var handshakeTimeoutNanoseconds: Int64 = 2_000_000_000
    /// Agree to permessage-deflate with clients that offer it.
    public var compresses = false
    /// Pages of other hosts are refused.
    public var requiresSameOrigin = false
    /// If not empty: the origins that pages may come from.
    public var allowedOrigins: [WebSocketOrigin] = []
    /// The names of the cookies that credentials may come in.
    public var cookies = WebSocketCookies()
    /// Added to the answer that agrees to the upgrade.
    public var headers: [(name: String, value: String)] = []
    /// The longest message that is taken compressed, before and after.
    public var maximumMessageByteCount = 8 << 20
    /// Under TLS, for the port that an origin without one means.
    var isSecure = false

    public init() {}

    public static func == (left: WebSocketSettings, right: WebSocketSettings) -> Bool {
        left.handshakeTimeoutNanoseconds == right.handshakeTimeoutNanoseconds
            && left.compresses == right.compresses
            && left.requiresSameOrigin == right.requiresSameOrigin
            && left.allowedOrigins == right.allowedOrigins && left.cookies == right.cookies
            && left.headers.elementsEqual(right.headers) { $0 == $1 }
            && left.maximumMessageByteCount == right.maximumMessageByteCount
    }
}

/// One string for each credential that can come in a cookie: its name, or its value.
public struct WebSocketCookies: Sendable, Equatable {
    public var jwt: String?
    public var user: String?
    public var password: String?
    public var token: String?

    public init(
        jwt: String? = nil, user: String? = nil, password: String? = nil, token: String? = nil
    ) {
        self.jwt = jwt
        self.user = user
        self.password = password
        self.token = token
    }
}

/// Where a page comes from. Source: RFC 6454.
public struct WebSocketOrigin: Sendable, Equatable {
    public var scheme: String
    public var host: String
    public var port: Int

    /// `https://example.com:8443`; nil for what is no origin. The port may be left out.
    public init?(_ text: String) {
        guard let mark = text.firstRange(of: "://"), mark.lowerBound > text.startIndex else {
            return nil
        }
        scheme = text[..<mark.lowerBound].lowercased()
        let authority = text[mark.upperBound...].prefix { !"/?#".contains($0) }
        guard let place = Self.split(String(authority), isSecure: scheme == "https") else {
            return nil
        }
        (host, port) = place
    }

    /// The host in lower case, and the port or what is usual in its place.
    static func split(_ authority: String, isSecure: Bool) -> (host: String, port: Int)? {
        var host = authority[...]
        var port = isSecure ? 443 : 80
        let end = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[end...].lastIndex(of: ":") {
            guard let number = Int(authority[authority.index(after: colon)...]),
                0...65535 ~= number
            else { return nil }
            port = number
            host = authority[..<colon]
        }
        return host.isEmpty ? nil : (host.lowercased(), port)
    }
}

/// What a client said when it asked to speak WebSocket.
public struct WebSocketRequest: Sendable, Equatable {
    public var path = ""
    public var host = ""
    /// What was in the cookies that ``WebSocketSettings/cookies`` names.
    public var cookies = WebSocketCookies()
    /// The client's address as a proxy gives it, or anybody else: for the log alone.
    public var forwardedFor: String?

    // What was agreed on.
    var compresses = false
    var isMasked = true
    /// Messages go out in small pieces.
    var isBrowser = false
    /// Safari does not take compressed messages in pieces.
    var keepsCompressedWhole = false
    var key = ""
}

/// A code and a reason for the end of a WebSocket connection.
public struct WebSocketClose: Sendable, Equatable {
    /// Source: RFC 6455 section 7.4.1.
    public enum Code: UInt16, Sendable {
        case normal = 1000
        case goingAway = 1001
        case protocolError = 1002
        case invalidPayload = 1007
        case policyViolation = 1008
        case messageTooBig = 1009
        case internalError = 1011
    }

    var code: UInt16?
    var reason: String

    public init(_ code: Code, _ reason: String) {
        self.code = code.rawValue
        self.reason = reason
    }

    /// In answer to the peer's: its code, or none.
    init(answering code: UInt16?) {
        self.code = code
        reason = ""
    }

    /// The frame that says it. Reasons that are too long are cut, with dots in their place.
    var frame: [UInt8] {
        var payload: [UInt8] = []
        if let code {
            payload = [UInt8(code >> 8), UInt8(code & 255)]
            var text = Array(reason.utf8)
            if text.count > WebSocketDecoder.controlLimit - 2 {
                text = Array(text.prefix(WebSocketDecoder.controlLimit - 5)) + Array("...".utf8)
            }
            payload += text
        }
        return WebSocketFramer.control(.close, payload)
    }
}
