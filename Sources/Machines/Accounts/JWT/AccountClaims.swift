import JSON
public import Model
public import ServerConfig

/// An account as its JWT describes it: who signs its users, and what configuration files say of
/// other accounts.
///
/// Source: the jwt repository of NATS, "account_claims.go".
public struct AccountClaims: Sendable {
    /// As it was read, so that it can be handed on.
    public let text: String
    public let subject: String
    /// The operator's key that signed it.
    public let issuer: String
    public let name: String
    public let tags: [String]
    public let issuedAt: Int64
    /// Seconds since 1970; 0 for never.
    public let expires: Int64
    /// In the words of the configuration: limits, exports, imports, mappings, default permissions.
    public let options: AccountOptions
    /// Other keys that sign its users; those with a scope give them its permissions.
    public let signingKeys: [String: UserScope?]
    /// Until when (seconds since 1970) what a user key was issued is void. `*` is everybody.
    public let revocations: [String: Int64]
    public let refusesBearers: Bool
    /// Users that are checked without the callout; nil: the account has no callout.
    public let callout: Callout?

    /// What a scoped signing key gives to the users that it signs.
    public struct UserScope: Sendable {
        public let template: UserLimits
    }

    /// The account's users are let in by a service in the account.
    public struct Callout: Equatable, Sendable {
        public var authUsers: [String]
        public var allowedAccounts: [String]
        public var xkey: String?
    }

    /// Checks the signature, not whether the operator is trusted: see ``AccountDirectory``.
    public init(_ text: String, now: Timestamp) throws(JWTFault) {
        let token = try SignedToken(text)
        try token.checkType("account")
        guard NKey(token.subject, .account) != nil else { throw .wrongSubject }
        guard token.issuer.kind == .operator || token.issuer.kind == .account else {
            throw .wrongIssuer
        }
        try token.checkTimes(now)
        self.text = text
        subject = token.subject
        issuer = token.issuer.text
        name = token.name
        tags = try token.claims.texts("tags")
        issuedAt = token.issuedAt
        expires = token.expires
        options = try AccountOptions(token)
        signingKeys = try Self.signingKeys(token.claims)
        var revocations: [String: Int64] = [:]
        for member in try token.claims.members("revocations") {
            guard let time = member.value.integer(Int64.self) else {
                throw .wrongField("revocations")
            }
            revocations[member.name] = time
        }
        self.revocations = revocations
        refusesBearers = try token.claims.fields("limits").flag("disallow_bearer")
        callout = try Self.callout(token.claims)
    }

    public func isExpired(_ now: Timestamp) -> Bool {
        expires > 0 && expires <= now.nanoseconds / 1_000_000_000
    }

    /// Whether what was issued to `user` at that time is void.
    public func hasRevoked(_ user: String, issuedAt: Int64) -> Bool {
        if let time = revocations["*"], time >= issuedAt { return true }
        guard let time = revocations[user] else { return false }
        return time >= issuedAt
    }

    private static func signingKeys(
        _ claims: ClaimFields
    ) throws(JWTFault) -> [String: UserScope?] {
        var keys: [String: UserScope?] = [:]
        for element in try claims.list("signing_keys") {
            if let key = element.string {
                guard NKey(key, .account) != nil else { throw .wrongField("signing_keys") }
                keys.updateValue(nil, forKey: key)
                continue
            }
            let scope = ClaimFields(element)
            let key = try scope.text("key")
            guard try scope.text("kind") == "user_scope", NKey(key, .account) != nil else {
                throw .wrongField("signing_keys")
            }
            keys[key] = UserScope(template: try UserLimits(scope.fields("template")))
        }
        return keys
    }

    private static func callout(_ claims: ClaimFields) throws(JWTFault) -> Callout? {
        let fields = try claims.fields("authorization")
        let users = try fields.texts("auth_users")
        if users.isEmpty { return nil }
        let xkey = try fields.text("xkey")
        guard xkey.isEmpty || NKey(xkey, .curve) != nil else { throw .wrongField("xkey") }
        return Callout(
            authUsers: users, allowedAccounts: try fields.texts("allowed_accounts"),
            xkey: xkey.isEmpty ? nil : xkey)
    }
}
