public import ServerConfig

/// Who exists, and how somebody shows who he is: accounts and users of the configuration, and in
/// operator mode the accounts whose JWTs were found.
///
/// A value: a reload makes a new one. Source: nats-server 2.15, `auth.go`.
public struct AccountDirectory: Sendable {
    /// Whether a client must say who he is.
    public let requiresCredentials: Bool
    /// Whether INFO says so: not where the configuration names somebody for those who bring nothing.
    public let announcesCredentials: Bool
    /// Whether INFO carries a nonce.
    public let needsNonce: Bool
    /// Whether some password stands in the configuration as it is.
    public let hasPlainPasswords: Bool
    /// Who has keys in JWTs, not users in the configuration.
    public let isOperatorMode: Bool
    public let systemAccount: String
    /// How long a client may take to say who he is.
    public let timeoutNanoseconds: Int64
    public let callout: AuthCalloutOptions?

    /// The default account: of everybody, where nobody is asked.
    public static let defaultAccount = "$G"
    /// The name of the system account, unless the configuration names another.
    public static let defaultSystemAccount = "$SYS"

    let users: [String: User]
    let nkeys: [String: User]
    let noAuthUser: String?
    let anonymousAccount: String?
    let single: Single
    let webSocket: WebSocketOverride?
    let mapsCertificates: Bool
    let mapsWebSocketCertificates: Bool
    let trustedKeys: Set<String>
    let pinnedAccounts: Set<String>
    let sentinel: String?
    let accountLimits: [String: AccountLimitOptions]
    /// The accounts of the configuration, and the default one where it maps subjects.
    public let configuredAccounts: [AccountOptions]

    /// In operator mode: those whose JWTs were found and are trusted.
    var claims: [String: AccountClaims] = [:]

    /// A user of the configuration.
    struct User: Sendable {
        var name: String
        var account: String
        /// Nil for nkeys.
        var secret: StoredSecret?
        var permissions: CompiledPermissions?
        var connectionTypes: Set<ConnectionType>

        func allows(_ type: ConnectionType) -> Bool {
            connectionTypes.isEmpty || connectionTypes.contains(type)
        }
    }

    /// One token, or one user, for everybody.
    struct Single: Sendable {
        var token: StoredSecret?
        var user: String?
        var password = StoredSecret("")
    }

    /// What the `websocket` block asks for in place of the rest.
    struct WebSocketOverride: Sendable {
        var single: Single
        var noAuthUser: String?
    }

    /// - Throws: what in the options makes no sense, the first of it.
    public init(_ options: ServerOptions) throws(AccountFault) {
        let authorization = options.authorization
        var table = UserTable()
        if let authorization {
            try table.add(
                authorization.users, authorization.defaultPermissions, to: Self.defaultAccount,
                callout: authorization.authCallout)
        }
        for account in options.accounts {
            try table.add(
                account.users, account.defaultPermissions, to: account.name,
                callout: authorization?.authCallout)
        }
        users = table.users
        nkeys = table.nkeys
        var accounts = options.accounts
        if !options.mappings.isEmpty, !accounts.contains(where: { $0.name == Self.defaultAccount }) {
            var global = AccountOptions(name: Self.defaultAccount)
            global.mappings = options.mappings
            accounts.append(global)
        }
        configuredAccounts = accounts
        accountLimits = Dictionary(
            options.accounts.map { ($0.name, $0.limits) }, uniquingKeysWith: { first, _ in first })
        single = Single(
            token: authorization?.token.map { StoredSecret($0) }, user: authorization?.user,
            password: StoredSecret(authorization?.password ?? ""))
        callout = authorization?.authCallout
        let operators = try Self.operators(options)
        trustedKeys = operators.keys
        isOperatorMode = !trustedKeys.isEmpty
        pinnedAccounts = Set(options.resolverPinnedAccounts)
        sentinel = options.defaultSentinel
        let systemAccount =
            options.systemAccount ?? operators.systemAccount ?? Self.defaultSystemAccount
        self.systemAccount = systemAccount
        noAuthUser = options.noAuthUser
        if let name = options.noAuthUser, users[name] == nil, nkeys[name] == nil {
            throw .unknownNoAuthUser(name)
        }
        let others = options.accounts.filter {
            $0.name != systemAccount && $0.name != Self.defaultAccount
        }
        // Users for the system account alone must not shut out everybody else.
        let isSystemOnly =
            !isOperatorMode && authorization == nil && options.noAuthUser == nil && others.isEmpty
            && options.accounts.contains { $0.name == systemAccount }
            && !options.accounts.contains { $0.name == Self.defaultAccount && !$0.users.isEmpty }
        anonymousAccount = isSystemOnly ? Self.defaultAccount : nil
        webSocket = options.webSocket.flatMap { Self.override($0) }
        if let name = webSocket?.noAuthUser, users[name] == nil, nkeys[name] == nil {
            throw .unknownNoAuthUser(name)
        }
        mapsCertificates = options.tls?.mapsCertificatesToUsers ?? false
        mapsWebSocketCertificates = options.webSocket?.tls?.mapsCertificatesToUsers ?? false
        requiresCredentials =
            isOperatorMode || !users.isEmpty || !nkeys.isEmpty || single.token != nil
            || single.user != nil || callout != nil
        announcesCredentials = requiresCredentials && options.noAuthUser == nil
        needsNonce = isOperatorMode || !nkeys.isEmpty || callout != nil
        hasPlainPasswords = Self.hasPlainPasswords(options)
        let handshake = options.tls.map { $0.timeoutNanoseconds + 1_000_000_000 }
        timeoutNanoseconds = authorization?.timeoutNanoseconds ?? handshake ?? 2_000_000_000
        try checkCallout()
    }

    /// Everybody may connect and do everything, in the default account.
    public init() {
        do { try self.init(ServerOptions()) } catch {
            preconditionFailure("defaults make no sense: \(error)")
        }
    }

    /// Whether clients over WebSocket are asked for something else than the others.
    public var webSocketDiffers: Bool { webSocket != nil }

    private func checkCallout() throws(AccountFault) {
        guard let callout else { return }
        guard NKey(callout.issuer, .account) != nil else { throw .invalidKey(callout.issuer) }
        if let key = callout.xkey, NKey(key, .curve) == nil { throw .invalidKey(key) }
        let names = Set(configuredAccounts.map(\.name))
            .union([Self.defaultAccount, systemAccount, ""])
        guard names.contains(callout.account) else {
            throw .unknownCalloutAccount(callout.account)
        }
        for user in callout.authUsers where users[user] == nil && nkeys[user] == nil {
            throw .unknownCalloutUser(user)
        }
    }

    private static func override(_ options: WebSocketOptions) -> WebSocketOverride? {
        guard options.user != nil || options.token != nil || options.noAuthUser != nil else {
            return nil
        }
        return WebSocketOverride(
            single: Single(
                token: options.token.map { StoredSecret($0) }, user: options.user,
                password: StoredSecret(options.password ?? "")),
            noAuthUser: options.noAuthUser)
    }

    private static func operators(
        _ options: ServerOptions
    ) throws(AccountFault) -> (keys: Set<String>, systemAccount: String?) {
        var keys: Set<String> = []
        var systemAccount: String?
        for key in options.trustedKeys {
            guard NKey(key, .operator) != nil else { throw .invalidKey(key) }
            keys.insert(key)
        }
        for text in options.operators {
            let claims: OperatorClaims
            do { claims = try OperatorClaims(text) } catch { throw .invalidOperator(error) }
            keys.formUnion(claims.trustedKeys)
            if systemAccount == nil { systemAccount = claims.systemAccount }
        }
        return (keys, systemAccount)
    }

    private static func hasPlainPasswords(_ options: ServerOptions) -> Bool {
        var secrets: [String?] = []
        if let authorization = options.authorization {
            secrets += [authorization.password, authorization.token]
            secrets += authorization.users.map(\.password)
        }
        for account in options.accounts { secrets += account.users.map(\.password) }
        return secrets.contains { secret in
            guard let secret, !secret.isEmpty else { return false }
            return !StoredSecret(secret).isHash
        }
    }
}

/// The users of all accounts, by what they are looked up by.
private struct UserTable {
    var users: [String: AccountDirectory.User] = [:]
    var nkeys: [String: AccountDirectory.User] = [:]

    mutating func add(
        _ options: [UserOptions], _ defaults: PermissionsOptions?, to account: String,
        callout: AuthCalloutOptions?
    ) throws(AccountFault) {
        // Nobody but the server asks there. Whoever may subscribe in that account hears it.
        let isCalloutAccount =
            callout.map { $0.account == account || $0.account.isEmpty && account == "$G" } ?? false
        let denied = isCalloutAccount ? [Callout.subject] : []
        for option in options {
            var user = AccountDirectory.User(
                name: "", account: account, connectionTypes: option.allowedConnectionTypes)
            let permissions = option.permissions ?? defaults
            if permissions != nil || !denied.isEmpty {
                do {
                    user.permissions = try CompiledPermissions(
                        permissions ?? PermissionsOptions(), deniedToo: denied)
                } catch { throw .invalidPermission(error) }
            }
            if let key = option.nkey {
                guard NKey(key, .user) != nil else { throw .invalidKey(key) }
                user.name = key
                guard nkeys.updateValue(user, forKey: key) == nil else { throw .duplicateUser(key) }
            } else {
                user.name = option.user ?? ""
                user.secret = StoredSecret(option.password ?? "")
                guard users.updateValue(user, forKey: user.name) == nil else {
                    throw .duplicateUser(user.name)
                }
            }
        }
    }
}

/// What in the configuration of accounts makes no sense.
public enum AccountFault: Error, Equatable, Sendable, CustomStringConvertible {
    case duplicateUser(String)
    case invalidKey(String)
    case invalidPermission(InvalidPermission)
    case invalidOperator(JWTFault)
    case unknownNoAuthUser(String)
    case unknownCalloutAccount(String)
    case unknownCalloutUser(String)

    public var description: String {
        switch self {
        case .duplicateUser(let name): "duplicate user \"\(name)\" detected"
        case .invalidKey(let text): "not a valid public nkey of its kind: \"\(text)\""
        case .invalidPermission(let fault): fault.description
        case .invalidOperator(let fault): "invalid operator JWT: \(fault.text)"
        case .unknownNoAuthUser(let name):
            "no_auth_user: \"\(name)\" not present as user or nkey in authorization block or account configuration"
        case .unknownCalloutAccount(let name):
            "authorization callout account \"\(name)\" not valid"
        case .unknownCalloutUser(let name):
            "authorization callout user \"\(name)\" not valid: user not found"
        }
    }
}
