import JSON
import ServerConfig

/// Who is this? What a callout service is asked about one client.
public struct CalloutQuestion: Sendable {
    public let callout: Callout
    /// A key made for this question alone: the answer is about it.
    public let userKey: NKey
    let credentials: ClientCredentials
    let server: Server
    let client: Client

    /// The server, as it speaks of itself.
    public struct Server: Sendable {
        public var id: String
        public var name: String
        public var host: String
        public var version: String
        public var xkey: String

        public init(id: String, name: String, host: String, version: String, xkey: String) {
            self.id = id
            self.name = name
            self.host = host
            self.version = version
            self.xkey = xkey
        }
    }

    /// What else is known of the client.
    public struct Client: Sendable {
        public var id: UInt64
        public var name: String
        public var language: String
        public var version: String
        public var clientProtocol: Int

        public init(
            id: UInt64, name: String, language: String, version: String, clientProtocol: Int
        ) {
            self.id = id
            self.name = name
            self.language = language
            self.version = version
            self.clientProtocol = clientProtocol
        }
    }

    public init(
        _ callout: Callout, userKey: NKey, credentials: ClientCredentials, server: Server,
        client: Client
    ) {
        self.callout = callout
        self.userKey = userKey
        self.credentials = credentials
        self.server = server
        self.client = client
    }

    /// The signed request.
    ///
    /// - Parameters:
    ///   - key: the server's.
    ///   - expires: when nobody waits for the answer any more, in seconds since 1970.
    public func token(
        by key: SigningKey, issuedAt: Int64, expires: Int64, id: String
    ) -> String {
        SignedToken.sign(
            by: key, subject: userKey.text, audience: "nats-authorization-request",
            issuedAt: issuedAt, expires: expires, id: id, claims: claims)
    }

    private var claims: JSONValue {
        let isSealed = callout.xkey != nil
        return Self.object([
            (
                "server_id",
                Self.object([
                    ("name", Self.text(server.name)), ("host", Self.text(server.host)),
                    ("id", Self.text(server.id)), ("version", Self.text(server.version)),
                    ("xkey", isSealed ? Self.text(server.xkey) : nil),
                ])
            ),
            ("user_nkey", Self.text(userKey.text)),
            (
                "client_info",
                Self.object([
                    ("host", Self.text(credentials.host)), ("id", .number(String(client.id))),
                    ("user", Self.text(userName)), ("name", Self.text(client.name)),
                    ("kind", .string("Client")),
                    (
                        "type",
                        .string(credentials.connectionType == .webSocket ? "websocket" : "nats")
                    ),
                    ("nonce", Self.text(String(decoding: credentials.nonce, as: UTF8.self))),
                ])
            ),
            (
                "connect_opts",
                Self.object([
                    ("jwt", Self.text(credentials.jwt)), ("nkey", Self.text(credentials.nkey)),
                    ("sig", Self.text(credentials.signature)),
                    ("auth_token", Self.text(credentials.token)),
                    ("user", Self.text(credentials.user)),
                    ("pass", Self.text(credentials.password)), ("name", Self.text(client.name)),
                    ("lang", Self.text(client.language)),
                    ("version", Self.text(client.version)),
                    ("protocol", .number(String(client.clientProtocol))),
                ])
            ),
            ("type", .string("authorization_request")), ("version", .number("2")),
        ])
    }

    private var userName: String {
        if !credentials.nkey.isEmpty { return credentials.nkey }
        return credentials.user.isEmpty ? credentials.token : credentials.user
    }

    /// Nil for an empty text, which is left out.
    private static func text(_ text: String) -> JSONValue? { text.isEmpty ? nil : .string(text) }

    private static func object(_ members: [(String, JSONValue?)]) -> JSONValue {
        .object(
            members.compactMap { name, value in value.map { JSONMember(name: name, value: $0) } })
    }
}
