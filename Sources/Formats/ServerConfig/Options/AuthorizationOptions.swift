/// The `authorization` block: one user, one token, or a list of users of the default account.
public struct AuthorizationOptions: Sendable, Equatable {
    public var user: String?
    /// As it stands in the file: plain, or a bcrypt hash.
    public var password: String?
    /// Plain, or a bcrypt hash.
    public var token: String?
    /// How long a client may take to say who it is. Nil: 2 s, and with TLS 1 s more than its handshake may take.
    public var timeoutNanoseconds: Int64?
    public var users: [UserOptions] = []
    /// For users that have none of their own.
    public var defaultPermissions: PermissionsOptions?
    public var authCallout: AuthCalloutOptions?

    public init() {}
}

/// One entry of a `users` list: somebody with a password, or somebody with a key.
public struct UserOptions: Sendable, Equatable {
    /// Nil for users with an nkey. Where clients are known by certificates, the name in them.
    public var user: String?
    /// Plain, or a bcrypt hash. Nil for users with an nkey, and where certificates say enough.
    public var password: String?
    /// A public user key: 56 characters, beginning with U.
    public var nkey: String?
    /// Nil: the defaults around it, or else everything.
    public var permissions: PermissionsOptions?
    /// Empty: all.
    public var allowedConnectionTypes: Set<ConnectionType> = []

    public init() {}
}

/// By which way somebody may come. The words are those of configuration files and JWTs.
public enum ConnectionType: String, Sendable, Equatable, CaseIterable {
    case standard = "STANDARD"
    case webSocket = "WEBSOCKET"
    case leafNode = "LEAFNODE"
    case leafNodeWebSocket = "LEAFNODE_WS"
    case mqtt = "MQTT"
    case mqttWebSocket = "MQTT_WS"
    case inProcess = "IN_PROCESS"
}

/// What a user may publish and subscribe to. A part that is nil allows everything.
public struct PermissionsOptions: Sendable, Equatable {
    public var publish: SubjectPermission?
    /// Entries may carry a queue behind a space: `orders.> workers.*`.
    public var subscribe: SubjectPermission?
    public var responses: ResponsePermission?

    public init() {}
}

/// Subjects with wildcards. What is denied is denied even if it is allowed too.
public struct SubjectPermission: Sendable, Equatable {
    /// Empty: everything.
    public var allow: [String]
    public var deny: [String]

    public init(allow: [String] = [], deny: [String] = []) {
        self.allow = allow
        self.deny = deny
    }
}

/// `allow_responses`: may publish to the reply subjects of messages that it got.
public struct ResponsePermission: Sendable, Equatable {
    /// To each; negative for no limit.
    public var maximumMessages = 1
    /// How long after the message; negative for ever.
    public var expiresNanoseconds: Int64 = 120_000_000_000

    public init() {}
}

/// `auth_callout`: who may connect is asked of a service on the message bus.
public struct AuthCalloutOptions: Sendable, Equatable {
    /// The public account key (A…) that the service signs its answers with.
    public var issuer = ""
    /// Where the service listens; empty: the default account.
    public var account = ""
    /// Users or public keys that are checked without the callout.
    public var authUsers: [String] = []
    /// The public curve key (X…) to which requests are sealed.
    public var xkey: String?
    /// Accounts that answers may name; empty: any.
    public var allowedAccounts: [String] = []

    public init() {}
}
