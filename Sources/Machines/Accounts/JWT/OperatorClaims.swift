/// What an operator says of itself: whose signatures on accounts count.
///
/// Source: the jwt repository of NATS, "operator_claims.go".
public struct OperatorClaims: Sendable {
    public let subject: NKey
    public let name: String
    /// Public keys that sign accounts, the operator's own among them unless it says otherwise.
    public let trustedKeys: Set<String>
    /// The public key of the system account; nil if it names none.
    public let systemAccount: String?

    public init(_ text: String) throws(JWTFault) {
        let token = try SignedToken(text)
        try token.checkType("operator")
        guard token.issuer.kind == .operator else { throw .wrongIssuer }
        guard let subject = NKey(token.subject, .operator) else { throw .wrongSubject }
        var keys = Set(try token.claims.texts("signing_keys"))
        for key in keys where NKey(key, .operator) == nil { throw .wrongField("signing_keys") }
        if try !token.claims.flag("strict_signing_key_usage") || keys.isEmpty {
            keys.insert(subject.text)
        }
        self.subject = subject
        name = token.name
        trustedKeys = keys
        let system = try token.claims.text("system_account")
        guard system.isEmpty || NKey(system, .account) != nil else {
            throw .wrongField("system_account")
        }
        systemAccount = system.isEmpty ? nil : system
    }
}
