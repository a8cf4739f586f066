public import Model
import ServerConfig

/// What a callout service's answer means.
extension AccountDirectory {
    /// The callout of the configuration, for everybody but its own users.
    func callout(for credentials: ClientCredentials) -> Callout? {
        guard let callout else { return nil }
        let name = calloutName(credentials)
        if callout.authUsers.contains(name) { return nil }
        return Callout(
            account: callout.account.isEmpty ? Self.defaultAccount : callout.account,
            xkey: callout.xkey.flatMap { NKey($0, .curve) }, authority: .key(callout.issuer),
            allowedAccounts: callout.allowedAccounts)
    }

    /// The callout of an account with a JWT.
    func callout(of account: AccountClaims, for user: UserClaims) -> Callout? {
        guard let callout = account.callout, !callout.authUsers.contains(user.subject.text) else {
            return nil
        }
        // Nothing said: its own users only.
        let allowed = callout.allowedAccounts.isEmpty ? [account.subject] : callout.allowedAccounts
        return Callout(
            account: account.subject, xkey: callout.xkey.flatMap { NKey($0, .curve) },
            authority: .account, allowedAccounts: allowed)
    }

    /// Decides by the answer to a question.
    ///
    /// - Parameters:
    ///   - answer: as it came, maybe sealed.
    ///   - key: what it may be sealed to.
    public func settle(
        _ answer: [UInt8], to question: CalloutQuestion, openedBy key: SealingKey, now: Timestamp,
        utcOffset: (String) -> Int64? = { $0.isEmpty || $0 == "UTC" ? 0 : nil }
    ) -> Authentication {
        do {
            let token = try response(answer, to: question, key)
            let error = try token.claims.text("error")
            guard error.isEmpty else { return .refused(.calloutRefused(error)) }
            let user = try UserClaims(token.claims.text("jwt"), now: now)
            guard user.subject == question.userKey else {
                return .refused(.calloutRefused("the answer is about another user"))
            }
            return settle(user, question, now, utcOffset)
        } catch {
            return .refused(.calloutRefused("invalid answer: \(error.text)"))
        }
    }

    private func response(
        _ answer: [UInt8], to question: CalloutQuestion, _ key: SealingKey
    ) throws(JWTFault) -> SignedToken {
        let callout = question.callout
        var bytes = answer
        if let xkey = callout.xkey, !answer.starts(with: "eyJ".utf8) {
            guard let opened = key.open(answer, from: xkey) else { throw .malformed }
            bytes = opened
        }
        let token = try SignedToken(String(decoding: bytes, as: UTF8.self))
        try token.checkType("authorization_response")
        guard mayAnswer(token.issuer.text, callout) else { throw .wrongIssuer }
        guard token.subject == question.userKey.text, token.audience == question.server.id else {
            throw .wrongSubject
        }
        return token
    }

    private func mayAnswer(_ issuer: String, _ callout: Callout) -> Bool {
        switch callout.authority {
        case .key(let key): return issuer == key
        case .account:
            guard let account = claims[callout.account] else { return false }
            return issuer == account.subject || account.signingKeys[issuer] != nil
        }
    }

    private func settle(
        _ user: UserClaims, _ question: CalloutQuestion, _ now: Timestamp,
        _ utcOffset: (String) -> Int64?
    ) -> Authentication {
        let credentials = question.credentials
        var limits = user.limits
        let account: String
        switch question.callout.authority {
        case .key(let key):
            guard user.issuer == key else { return .refused(.issuerUnknown) }
            account = user.audience
            guard isConfigured(account) else { return .refused(.accountUnknown) }
        case .account:
            account = user.account
            guard let found = claims[account] else { return .refused(.accountUnknown) }
            switch rights(of: user, in: found, now) {
            case .success(let rights): limits = rights
            case .failure(let refusal): return .refused(refusal)
            }
        }
        guard question.callout.allows(account) else {
            return .refused(.calloutRefused("account \(account) is not allowed"))
        }
        let timesEnd: Timestamp?
        switch place(limits, credentials, now, utcOffset) {
        case .success(let end): timesEnd = end
        case .failure(let refusal): return .refused(refusal)
        }
        guard
            let identity = identity(
                of: user, limits, in: account, timesEnd, calloutAccount: question.callout.account)
        else { return .refused(.scopeViolated) }
        return .accepted(identity)
    }

    private func isConfigured(_ account: String) -> Bool {
        account == Self.defaultAccount || account == systemAccount
            || configuredAccounts.contains { $0.name == account }
    }

    private func identity(
        of user: UserClaims, _ limits: UserLimits, in account: String, _ timesEnd: Timestamp?,
        calloutAccount: String
    ) -> Identity? {
        var identity = Identity(
            account: account,
            user: .name(user.name.isEmpty ? user.subject.text : user.name),
            connectionTypes: limits.connectionTypes, source: .callout)
        let accountExpiry = claims[account].flatMap { Self.expiry($0.expires) }
        identity.expiry = Self.earlier(
            Self.earlier(Self.expiry(user.expires), timesEnd), accountExpiry)
        identity.endsWithAccount = identity.expiry != nil && identity.expiry == accountExpiry
        let defaults =
            claims[account]?.options.defaultPermissions
            ?? configuredAccounts.first { $0.name == account }?.defaultPermissions
        // Nobody but the server asks there. Whoever may subscribe in that account hears it.
        let denied = account == calloutAccount ? [Callout.subject] : []
        let options = limits.permissions ?? defaults
        if options != nil || !denied.isEmpty {
            guard
                let permissions = try? CompiledPermissions(
                    options ?? PermissionsOptions(), deniedToo: denied)
            else { return nil }
            identity.permissions = permissions
        }
        identity.limits = self.limits(ofAccount: account)
        if limits.maximumSubscriptions > 0 {
            identity.limits.maximumSubscriptions = Self.lesser(
                limits.maximumSubscriptions, identity.limits.maximumSubscriptions)
        }
        if limits.maximumPayload > 0 {
            identity.limits.maximumPayload = Self.lesser(
                limits.maximumPayload, identity.limits.maximumPayload)
        }
        return identity
    }
}
