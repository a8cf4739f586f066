public import Model
import ServerConfig

/// Operator mode: users are known by JWTs that their accounts signed, accounts by JWTs that an
/// operator signed.
extension AccountDirectory {
    /// The account's JWT, if it was found.
    public func accountClaims(_ publicKey: String) -> AccountClaims? { claims[publicKey] }

    /// All accounts whose JWTs were found, in the words of the configuration.
    public var resolvedAccounts: [AccountOptions] { claims.values.map(\.options) }

    /// Their JWTs.
    public var resolvedJWTs: [(account: String, jwt: String)] {
        claims.values.map { ($0.subject, $0.text) }
    }

    /// Whether an operator that is trusted has signed the account.
    public func trusts(_ account: AccountClaims) -> Bool { trustedKeys.contains(account.issuer) }

    /// The accounts that a signed request wants to be taken away.
    ///
    /// Source: nats-server 2.15, `handleDeleteRequest`.
    public func accountsToDelete(_ request: String, now: Timestamp) throws(JWTFault) -> [String] {
        let token = try SignedToken(request)
        guard trustedKeys.contains(token.issuer.text), token.subject == token.issuer.text else {
            throw .wrongIssuer
        }
        try token.checkTimes(now)
        let accounts = try token.claims.texts("accounts")
        for account in accounts where NKey(account, .account) == nil {
            throw .wrongField("accounts")
        }
        return accounts
    }

    /// Takes in an account's JWT, in place of the one before.
    ///
    /// - Throws: what is wrong with it; nothing is changed then.
    @discardableResult
    public mutating func addAccount(
        _ jwt: String, expecting publicKey: String? = nil, now: Timestamp
    ) throws(JWTFault) -> AccountClaims {
        let account = try AccountClaims(jwt, now: now)
        guard publicKey == nil || publicKey == account.subject else { throw .wrongSubject }
        guard trustedKeys.contains(account.issuer) else { throw .wrongIssuer }
        claims[account.subject] = account
        return account
    }

    public mutating func removeAccount(_ publicKey: String) { claims[publicKey] = nil }

    func authenticateJWT(
        _ credentials: ClientCredentials, _ now: Timestamp, _ utcOffset: (String) -> Int64?
    ) -> Authentication {
        let text = credentials.jwt.isEmpty ? sentinel ?? "" : credentials.jwt
        guard !text.isEmpty else { return .refused(.jwtRequired) }
        let user: UserClaims
        do { user = try UserClaims(text, now: now) } catch {
            return .refused(.jwtInvalid(error))
        }
        if !pinnedAccounts.isEmpty, !pinnedAccounts.contains(user.account),
            user.account != systemAccount
        {
            return .refused(.accountUnknown)
        }
        guard let account = claims[user.account] else {
            return .mustResolve(account: user.account)
        }
        let limits: UserLimits
        switch rights(of: user, in: account, now) {
        case .success(let found): limits = found
        case .failure(let refusal): return .refused(refusal)
        }
        if limits.isBearer {
            if account.refusesBearers { return .refused(.bearerNotAllowed) }
        } else if let refusal = Self.signatureFault(credentials, user.subject.text) {
            return .refused(refusal)
        }
        let timesEnd: Timestamp?
        switch place(limits, credentials, now, utcOffset) {
        case .success(let end): timesEnd = end
        case .failure(let refusal): return .refused(refusal)
        }
        if let callout = callout(of: account, for: user) { return .mustAsk(callout) }
        guard let identity = identity(of: user, limits, in: account, timesEnd) else {
            return .refused(.scopeViolated)
        }
        return .accepted(identity)
    }

    /// Whether the client comes by a way, from a place and at a time that are allowed.
    ///
    /// - Returns: when the time is over; nil for never.
    func place(
        _ limits: UserLimits, _ credentials: ClientCredentials, _ now: Timestamp,
        _ utcOffset: (String) -> Int64?
    ) -> Result<Timestamp?, AuthenticationRefusal> {
        let types = limits.connectionTypes
        guard types.isEmpty || types.contains(credentials.connectionType) else {
            return .failure(.connectionTypeNotAllowed)
        }
        let sources = limits.sources
        guard sources.isEmpty || sources.contains(where: { $0.contains(credentials.host) }) else {
            return .failure(.sourceNotAllowed)
        }
        if limits.times.isEmpty { return .success(nil) }
        guard let left = Self.secondsLeft(limits, now, utcOffset) else {
            return .failure(.outsideTimes)
        }
        return .success(now.advanced(byNanoseconds: left * 1_000_000_000))
    }

    /// What the signatures give to a user, or why they do not.
    func rights(
        of user: UserClaims, in account: AccountClaims, _ now: Timestamp
    ) -> Result<UserLimits, AuthenticationRefusal> {
        guard trustedKeys.contains(account.issuer) else { return .failure(.accountNotTrusted) }
        if account.isExpired(now) { return .failure(.accountExpired) }
        var limits = user.limits
        if user.issuer != account.subject {
            guard let scope = account.signingKeys[user.issuer] else {
                return .failure(.issuerUnknown)
            }
            if let scope {
                guard user.saysNothingOfLimits else { return .failure(.scopeViolated) }
                limits = scope.template
                if let permissions = limits.permissions {
                    let template = ScopeTemplate(user: user, account: account)
                    guard let filled = template.fill(permissions) else {
                        return .failure(.scopeViolated)
                    }
                    limits.permissions = filled
                }
            }
        }
        if account.hasRevoked(user.subject.text, issuedAt: user.issuedAt) {
            return .failure(.revoked)
        }
        return .success(limits)
    }

    /// Nil where the permissions are none.
    func identity(
        of user: UserClaims, _ limits: UserLimits, in account: AccountClaims,
        _ timesEnd: Timestamp?
    ) -> Identity? {
        let accountExpiry = Self.expiry(account.expires)
        let expiry = Self.earlier(
            Self.earlier(Self.expiry(user.expires), timesEnd), accountExpiry)
        var identity = Identity(
            account: account.subject, user: .jwt(user.subject.text, name: user.name),
            expiry: expiry, connectionTypes: limits.connectionTypes, source: .jwt(user))
        if let options = limits.permissions ?? account.options.defaultPermissions {
            guard let permissions = try? CompiledPermissions(options) else { return nil }
            identity.permissions = permissions
        }
        let accountLimits = account.options.limits
        identity.timesEnd = timesEnd
        identity.endsWithAccount = expiry != nil && expiry == accountExpiry
        identity.limits.maximumSubscriptions = Self.lesser(
            limits.maximumSubscriptions, accountLimits.maximumSubscriptions)
        identity.limits.maximumPayload = Self.lesser(
            limits.maximumPayload, accountLimits.maximumPayload)
        identity.limits.maximumAccountConnections = accountLimits.maximumConnections
        return identity
    }

    /// After an account's JWT has changed.
    func renewed(_ user: UserClaims, _ old: Identity, _ now: Timestamp) -> Identity? {
        guard let account = claims[user.account],
            case .success(let limits) = rights(of: user, in: account, now)
        else { return nil }
        if limits.isBearer, account.refusesBearers { return nil }
        return identity(of: user, limits, in: account, old.timesEnd)
    }

    /// Whether somebody's JWT was revoked, which clients are told in other words.
    public func hasRevoked(_ identity: Identity) -> Bool {
        guard case .jwt(let user) = identity.source, let account = claims[user.account] else {
            return false
        }
        return account.hasRevoked(user.subject.text, issuedAt: user.issuedAt)
    }

    /// -1 is no limit.
    static func lesser(_ left: Int64, _ right: Int64) -> Int64 {
        left < 0 ? right : right < 0 ? left : min(left, right)
    }

    static func earlier(_ left: Timestamp?, _ right: Timestamp?) -> Timestamp? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }

    /// 0 is never; what lies before 1970 is long over.
    static func expiry(_ seconds: Int64) -> Timestamp? {
        guard seconds != 0 else { return nil }
        let (product, overflow) = max(seconds, 0).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? nil : Timestamp(nanoseconds: product)
    }

    private static func secondsLeft(
        _ limits: UserLimits, _ now: Timestamp, _ utcOffset: (String) -> Int64?
    ) -> Int64? {
        guard let offset = utcOffset(limits.timesLocation) else { return nil }
        let day: Int64 = 86_400
        let second = ((now.nanoseconds / 1_000_000_000 + offset) % day + day) % day
        return limits.times.compactMap { $0.secondsLeft(at: second) }.max()
    }
}
