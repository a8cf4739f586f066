public import Model
public import ServerConfig

/// Who a connection is, and what that lets it do.
public struct Identity: Sendable {
    /// The name of the account: what `accounts` calls it, or its public key in operator mode.
    public var account: String
    public var user: UserName
    /// Nil: everything.
    public var permissions: CompiledPermissions?
    public var limits = IdentityLimits()
    /// When it ends; nil for never.
    public var expiry: Timestamp?
    /// Whether ``expiry`` is the account's, not the user's own.
    public var endsWithAccount = false
    /// When the hours of the day are over in which it may be here.
    var timesEnd: Timestamp?
    /// By which ways it may come; empty: all.
    public var connectionTypes: Set<ConnectionType> = []
    /// By which entry it was let in, so that a later configuration can be asked again.
    var source: Source

    enum Source: Sendable {
        /// Nobody is asked who he is.
        case open
        case token(StoredSecret)
        /// The one user of the `authorization` block.
        case singleUser(String, StoredSecret)
        /// An entry of a `users` list; nil where a certificate or `no_auth_user` was enough.
        case user(String, StoredSecret?)
        case nkey(String)
        case jwt(UserClaims)
        /// What a callout service said.
        case callout
    }

    /// Somebody who was not asked.
    public static func open(account: String) -> Identity {
        Identity(account: account, user: .none, source: .open)
    }
}

/// How somebody is called. The words are for people; nothing is looked up by them.
public enum UserName: Hashable, Sendable {
    case none
    case name(String)
    case nkey(String)
    /// A public user key, and the name in its JWT.
    case jwt(String, name: String)
    case token

    /// The bare name or key; empty where there is none. A token is not told, only that there was one.
    public var text: String {
        switch self {
        case .none: ""
        case .token: "[REDACTED]"
        case .name(let name): name
        case .nkey(let key), .jwt(let key, _): key
        }
    }
}

/// How much one connection may ask for. -1 for no limit of its own.
public struct IdentityLimits: Equatable, Sendable {
    public var maximumSubscriptions: Int64 = -1
    /// Headers and payload of a message, in bytes.
    public var maximumPayload: Int64 = -1
    /// Connections of the account.
    public var maximumAccountConnections: Int64 = -1

    public init() {}
}
