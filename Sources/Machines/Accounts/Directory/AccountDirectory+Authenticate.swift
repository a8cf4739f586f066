public import Model
public import ServerConfig

extension AccountDirectory {
    /// Decides about somebody's credentials, or says what has to be done before.
    ///
    /// The order: in operator mode the JWT; else nkey, users (by certificate where that is on),
    /// token, the single user. With a callout, everybody but its own users is left to it.
    ///
    /// - Parameters:
    ///   - now: wall clock time.
    ///   - utcOffset: seconds east of Greenwich, now, in a time zone; empty is the server's own. Nil
    ///     for one that is not known.
    public func authenticate(
        _ credentials: ClientCredentials, now: Timestamp,
        utcOffset: (String) -> Int64? = { $0.isEmpty || $0 == "UTC" ? 0 : nil }
    ) -> Authentication {
        let override = credentials.connectionType == .webSocket ? webSocket : nil
        guard requiresCredentials || override != nil else {
            return .accepted(.open(account: Self.defaultAccount))
        }
        if isOperatorMode { return authenticateJWT(credentials, now, utcOffset) }
        if let callout = callout(for: credentials) { return .mustAsk(callout) }
        return authenticateConfigured(credentials, override)
    }

    /// Under which name the users of a callout are looked up.
    func calloutName(_ credentials: ClientCredentials) -> String {
        if credentials.isEmpty, let noAuthUser { return noAuthUser }
        if !credentials.nkey.isEmpty { return credentials.nkey }
        return credentials.user.isEmpty ? credentials.token : credentials.user
    }

    private func authenticateConfigured(
        _ credentials: ClientCredentials, _ override: WebSocketOverride?
    ) -> Authentication {
        let noAuthUser = override.map(\.noAuthUser) ?? noAuthUser
        if !credentials.nkey.isEmpty, !nkeys.isEmpty {
            return authenticateKey(credentials)
        }
        if !users.isEmpty, mapsNames(credentials) { return authenticateCertificate(credentials) }
        if credentials.isEmpty {
            if let anonymousAccount { return .accepted(.open(account: anonymousAccount)) }
            if let noAuthUser, let user = users[noAuthUser] ?? nkeys[noAuthUser] {
                guard user.allows(credentials.connectionType) else {
                    return .refused(.connectionTypeNotAllowed)
                }
                return .accepted(identity(of: user, secret: nil))
            }
        }
        if !users.isEmpty, !credentials.user.isEmpty {
            guard let user = users[credentials.user], let secret = user.secret else {
                return .refused(.unknownUser)
            }
            guard user.allows(credentials.connectionType) else {
                return .refused(.connectionTypeNotAllowed)
            }
            return check(
                secret, credentials.password, identity(of: user, secret: user.secret))
        }
        return authenticateSingle(credentials, override?.single ?? single)
    }

    private func authenticateSingle(
        _ credentials: ClientCredentials, _ single: Single
    ) -> Authentication {
        if let token = single.token {
            guard !credentials.token.isEmpty else { return .refused(.noCredentials) }
            let identity = Identity(
                account: Self.defaultAccount, user: .token, source: .token(token))
            return check(token, credentials.token, identity)
        }
        if let user = single.user {
            guard user == credentials.user else { return .refused(.unknownUser) }
            let identity = Identity(
                account: Self.defaultAccount, user: .name(user),
                source: .singleUser(user, single.password))
            return check(single.password, credentials.password, identity)
        }
        return .refused(.noCredentials)
    }

    private func check(
        _ secret: StoredSecret, _ offered: String, _ identity: Identity
    ) -> Authentication {
        if secret.isHash {
            return .mustHash(PasswordWork(secret: secret, offered: offered, identity: identity))
        }
        return secret.matches(offered) ? .accepted(identity) : .refused(.wrongPassword)
    }

    private func authenticateKey(_ credentials: ClientCredentials) -> Authentication {
        guard let user = nkeys[credentials.nkey] else { return .refused(.unknownUser) }
        guard user.allows(credentials.connectionType) else {
            return .refused(.connectionTypeNotAllowed)
        }
        if let refusal = Self.signatureFault(credentials, credentials.nkey) {
            return .refused(refusal)
        }
        return .accepted(identity(of: user, secret: nil))
    }

    /// Nil where the nonce was signed by `key`, a public user key.
    static func signatureFault(
        _ credentials: ClientCredentials, _ key: String
    ) -> AuthenticationRefusal? {
        guard !credentials.signature.isEmpty else { return .signatureMissing }
        guard let signature = Base64URL.decodeEither(credentials.signature),
            let key = NKey(key, .user), !credentials.nonce.isEmpty,
            key.verifies(signature, of: credentials.nonce)
        else { return .signatureWrong }
        return nil
    }

    func identity(of user: User, secret: StoredSecret?) -> Identity {
        var identity = Identity(
            account: user.account, user: .name(user.name), permissions: user.permissions,
            connectionTypes: user.connectionTypes, source: .user(user.name, secret))
        if user.secret == nil {
            identity.user = .nkey(user.name)
            identity.source = .nkey(user.name)
        }
        identity.limits = limits(ofAccount: user.account)
        return identity
    }

    /// What an account, of the configuration or with a JWT, leaves to each of its connections.
    func limits(ofAccount name: String) -> IdentityLimits {
        var limits = IdentityLimits()
        guard let account = accountLimits[name] ?? claims[name]?.options.limits else {
            return limits
        }
        limits.maximumSubscriptions = account.maximumSubscriptions
        limits.maximumPayload = account.maximumPayload
        limits.maximumAccountConnections = account.maximumConnections
        return limits
    }

    // MARK: After a reload

    /// What a connection is by this directory that another one has let in; nil if it would not be
    /// let in any more. Nothing is computed that takes long.
    public func renew(
        _ identity: Identity, connectionType: ConnectionType = .standard, now: Timestamp
    ) -> Identity? {
        let new = renewed(identity, connectionType, now)
        guard let new, !new.connectionTypes.isEmpty else { return new }
        return new.connectionTypes.contains(connectionType) ? new : nil
    }

    /// Whether somebody who may not stay is not among the users any more, or in another account: he
    /// has no mistake to be told of.
    public func hasMoved(_ identity: Identity) -> Bool {
        switch identity.source {
        case .singleUser: true
        case .user(let name, _): users[name]?.account != identity.account
        case .nkey(let key): nkeys[key]?.account != identity.account
        case .open, .token, .jwt, .callout: false
        }
    }

    private func renewed(
        _ identity: Identity, _ type: ConnectionType, _ now: Timestamp
    ) -> Identity? {
        let override = type == .webSocket ? webSocket : nil
        let single = override?.single ?? single
        switch identity.source {
        case .open:
            let isOpen = !requiresCredentials && override == nil
            return isOpen || identity.account == anonymousAccount ? identity : nil
        case .token(let token):
            return users.isEmpty && nkeys.isEmpty && single.token == token ? identity : nil
        case .singleUser(let name, let secret):
            return single.user == name && single.password == secret ? identity : nil
        case .user(let name, let secret):
            let isNamedOtherwise =
                type == .webSocket
                ? mapsWebSocketCertificates || name == (override.map(\.noAuthUser) ?? noAuthUser)
                : mapsCertificates || name == noAuthUser
            guard let user = users[name],
                secret == nil ? isNamedOtherwise : secret == user.secret
            else { return nil }
            return renewed(user, secret, identity)
        case .nkey(let key):
            guard let user = nkeys[key] else { return nil }
            return renewed(user, nil, identity)
        case .jwt(let user):
            return renewed(user, identity, now)
        case .callout:
            return renewedByCallout(identity, now)
        }
    }

    /// The service is not asked again: its user stays for as long as his account is there.
    private func renewedByCallout(_ identity: Identity, _ now: Timestamp) -> Identity? {
        guard isOperatorMode else { return callout != nil ? identity : nil }
        guard let account = claims[identity.account], !account.isExpired(now) else { return nil }
        var renewed = identity
        let limits = limits(ofAccount: identity.account)
        renewed.limits.maximumSubscriptions = Self.lesser(
            identity.limits.maximumSubscriptions, limits.maximumSubscriptions)
        renewed.limits.maximumPayload = Self.lesser(
            identity.limits.maximumPayload, limits.maximumPayload)
        renewed.limits.maximumAccountConnections = limits.maximumAccountConnections
        return renewed
    }

    private func renewed(
        _ user: User, _ secret: StoredSecret?, _ old: Identity
    ) -> Identity? {
        // Somebody's account is where his subscriptions are: he has to come again.
        user.account == old.account ? identity(of: user, secret: secret) : nil
    }
}
