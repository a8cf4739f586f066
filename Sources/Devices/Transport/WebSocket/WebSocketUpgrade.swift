import Bytes
import CTLS
import Platform

/// Why a request to speak WebSocket is refused: the status that the client gets and the reason
/// that the log gets.
struct UpgradeRefusal: Error, Equatable {
    enum Status: Int {
        case badRequest = 400
        case forbidden = 403
        case notFound = 404
        case methodNotAllowed = 405
        case fieldsTooLarge = 431

        var text: String {
            switch self {
            case .badRequest: "Bad Request"
            case .forbidden: "Forbidden"
            case .notFound: "Not Found"
            case .methodNotAllowed: "Method Not Allowed"
            case .fieldsTooLarge: "Request Header Fields Too Large"
            }
        }
    }

    var status: Status
    var reason: String

    static let timeout = UpgradeRefusal(.badRequest, "request not complete in time")
    static let tooLong = UpgradeRefusal(.fieldsTooLarge, "request header too large")
    static let malformed = UpgradeRefusal(.badRequest, "malformed request")
    static let early = UpgradeRefusal(
        .badRequest, "client sent data before handshake is complete")

    init(_ status: Status, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    var response: [UInt8] {
        let body = status.text + "\n"
        return Array(
            """
            HTTP/1.1 \(status.rawValue) \(status.text)\r
            Content-Type: text/plain; charset=utf-8\r
            Sec-Websocket-Version: 13\r
            X-Content-Type-Options: nosniff\r
            Connection: close\r
            Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """.utf8)
    }
}

/// Judges requests to speak WebSocket. Source: RFC 6455 section 4.2.
extension WebSocketSettings {
    func judge(_ head: HTTPRequestHead) throws(UpgradeRefusal) -> WebSocketRequest {
        var request = WebSocketRequest()
        request.path = String(head.target.prefix { $0 != "?" })
        if request.path.hasPrefix("/mqtt") {
            throw UpgradeRefusal(.notFound, "mqtt websocket endpoint not enabled")
        }
        if request.path.hasPrefix("/leafnode") {
            throw UpgradeRefusal(.notFound, "leafnode websocket endpoint not enabled")
        }
        guard head.method == "GET" else {
            throw UpgradeRefusal(.methodNotAllowed, "request method must be GET")
        }
        guard let host = head["host"], !host.isEmpty else {
            throw UpgradeRefusal(.badRequest, "'Host' missing in request")
        }
        request.host = host
        guard head.list("upgrade", has: "websocket") else {
            throw UpgradeRefusal(.badRequest, "invalid value for header 'Upgrade'")
        }
        guard head.list("connection", has: "upgrade") else {
            throw UpgradeRefusal(.badRequest, "invalid value for header 'Connection'")
        }
        guard let key = head["sec-websocket-key"], !key.isEmpty else {
            throw UpgradeRefusal(.badRequest, "key missing")
        }
        // Source: RFC 6455, section 4.2.1: 16 bytes in base64.
        guard Base64.decode(key)?.count == 16 else {
            throw UpgradeRefusal(.badRequest, "invalid value for header 'Sec-Websocket-Key'")
        }
        request.key = key
        guard head.list("sec-websocket-version", has: "13") else {
            throw UpgradeRefusal(.badRequest, "invalid version")
        }
        try judgeOrigin(head["origin"] ?? head["sec-websocket-origin"] ?? "", host: host)
        note(head, in: &request)
        return request
    }

    private func note(_ head: HTTPRequestHead, in request: inout WebSocketRequest) {
        request.compresses = compresses && offersDeflate(head)
        request.isMasked = head["nats-no-masking"] != "true"
        let agent = head["user-agent"] ?? ""
        request.isBrowser = agent.hasPrefix("Mozilla/")
        request.keepsCompressedWhole = agent.contains("Version/") && agent.contains("Safari/")
        let value = { (name: String?) in name.flatMap { head.cookie($0) } }
        request.cookies = WebSocketCookies(
            jwt: value(cookies.jwt), user: value(cookies.user),
            password: value(cookies.password), token: value(cookies.token))
        if let address = head["x-forwarded-for"], Socket.isAddress(address) {
            request.forwardedFor = address
        }
    }

    /// Source: RFC 7692 section 7.1. No parameter is asked for that we could not keep to: the
    /// answer forgoes context on both sides.
    private func offersDeflate(_ head: HTTPRequestHead) -> Bool {
        head.list("sec-websocket-extensions").contains { offer in
            HTTPRequestHead.trimmed(offer.prefix { $0 != ";" }).lowercased()
                == "permessage-deflate"
        }
    }

    /// Clients that are no browsers name no origin, and could name any.
    private func judgeOrigin(_ text: String, host: String) throws(UpgradeRefusal) {
        if text.isEmpty || !requiresSameOrigin && allowedOrigins.isEmpty { return }
        guard let origin = WebSocketOrigin(text) else {
            throw UpgradeRefusal(.forbidden, "origin not allowed: \(text) is no origin")
        }
        if requiresSameOrigin {
            guard let own = WebSocketOrigin.split(host, isSecure: isSecure),
                own == (origin.host, origin.port)
            else { throw UpgradeRefusal(.forbidden, "origin not allowed: not same origin") }
        }
        if !allowedOrigins.isEmpty, !allowedOrigins.contains(origin) {
            throw UpgradeRefusal(.forbidden, "origin not allowed: not in the allowed list")
        }
    }

    /// What agrees to `request`.
    func agreement(to request: WebSocketRequest) -> [UInt8] {
        var text = """
            HTTP/1.1 101 Switching Protocols\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Accept: \(Self.accept(request.key))\r\n
            """
        if request.compresses {
            text +=
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
        }
        if !request.isMasked { text += "Nats-No-Masking: true\r\n" }
        for header in headers { text += "\(header.name): \(header.value)\r\n" }
        return Array((text + "\r\n").utf8)
    }

    /// Source: RFC 6455 section 1.3.
    private static func accept(_ key: String) -> String {
        let text = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        duolog_sha1(text, text.count, &digest)
        return Base64.encode(digest)
    }
}
