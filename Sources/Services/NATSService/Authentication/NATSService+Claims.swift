import Accounts
public import JSON
import Platform
import ServerConfig

/// What the `$SYS` services answer that look up and change the JWTs of accounts. On a thread that may
/// wait for the disk.
///
/// Source: nats-server 2.15, `DirAccResolver.Start`.
extension NATSService {
    /// The JWT of an account; nil where it is not known.
    public func lookUpClaims(of account: String) -> String? {
        if let known = authenticator.directory.accountClaims(account) { return known.text }
        guard let key = NKey(account, .account) else { return nil }
        do { return try authenticator.folder?.load(key) } catch {
            clientLog?.warn("Account \(account): \(error)")
            return nil
        }
    }

    /// The public keys of all accounts whose JWTs are here.
    public func listClaims() -> [String] {
        var all = Set(authenticator.directory.resolvedAccounts.map(\.name))
        do { all.formUnion(try authenticator.folder?.list() ?? []) } catch {
            clientLog?.warn("Account JWTs cannot be listed: \(error)")
        }
        return all.sorted()
    }

    /// Takes in an account's JWT, on the disk where there is a folder. Its clients stay with what
    /// they may do now, or go.
    ///
    /// - Parameter account: whose it must be; nil for anybody's.
    public func updateClaims(_ jwt: String, of account: String? = nil) -> ClaimsAnswer {
        let text = jwt.filter { !$0.isWhitespace }
        guard let folder = authenticator.folder else {
            return .refused(account: account, "the resolver of this server keeps no accounts")
        }
        let claims: AccountClaims
        do { claims = try AccountClaims(text, now: Clock.now()) } catch {
            return .refused(account: account, "jwt update resulted in error \(error.text)")
        }
        guard account == nil || account == claims.subject, let key = NKey(claims.subject, .account)
        else { return .refused(account: account, "jwt update resulted in error subject mismatch") }
        guard authenticator.directory.trusts(claims) else {
            return .refused(account: claims.subject, "jwt update resulted in error not trusted")
        }
        do {
            guard try folder.save(text, of: key) else {
                return .refused(account: claims.subject, "jwt update resulted in error limit reached")
            }
            try authenticator.add(text, expecting: claims.subject, now: Clock.now())
        } catch {
            return .refused(account: claims.subject, "jwt update resulted in error \(error)")
        }
        accountsChanged()
        renewSessions(of: claims.subject)
        return .done(account: claims.subject, "jwt updated")
    }

    /// Takes accounts away that a request names which an operator has signed.
    public func deleteClaims(_ request: String) -> ClaimsAnswer {
        guard let folder = authenticator.folder, folder.allowsDelete else {
            return .refused(account: nil, "delete accounts request by the server is not allowed")
        }
        let accounts: [String]
        do {
            accounts = try authenticator.directory.accountsToDelete(
                request.filter { !$0.isWhitespace }, now: Clock.now())
        } catch {
            return .refused(account: nil, "delete accounts request resulted in error \(error.text)")
        }
        var count = 0
        for account in accounts {
            guard let key = NKey(account, .account) else { continue }
            do { if try folder.remove(key) { count += 1 } } catch {
                return .refused(account: account, "delete accounts request resulted in error \(error)")
            }
            authenticator.remove(account)
            renewSessions(of: account)
        }
        accountsChanged()
        return .done(account: nil, "deleted \(count) accounts")
    }
}

/// What is answered to a request about the JWTs of accounts.
public enum ClaimsAnswer: Equatable, Sendable {
    case done(account: String?, String)
    case refused(account: String?, String)

    /// The field `data`, or `error`, of the answer.
    public var field: (name: String, value: JSONValue) {
        switch self {
        case .done(let account, let message):
            ("data", Self.object(account, code: 200, "message", message))
        case .refused(let account, let description):
            ("error", Self.object(account, code: 500, "description", description))
        }
    }

    private static func object(
        _ account: String?, code: Int, _ name: String, _ text: String
    ) -> JSONValue {
        var members: [JSONMember] = []
        if let account { members.append(JSONMember(name: "account", value: .string(account))) }
        members.append(JSONMember(name: "code", value: .number(String(code))))
        members.append(JSONMember(name: name, value: .string(text)))
        return .object(members)
    }
}
