/// A service on the message bus that decides who may connect, and what it must show that its answers
/// are its own.
///
/// Source: NATS ADR-26, "NATS Authorization Callouts".
public struct Callout: Equatable, Sendable {
    /// The subject of the service.
    public static let subject = "$SYS.REQ.USER.AUTH"
    /// With a sealed request: the server's own key, for the way back.
    public static let keyHeader = "Nats-Server-Xkey"

    /// Where the service listens.
    public let account: String
    /// Requests are sealed to it; nil: they are readable.
    public let xkey: NKey?
    let authority: Authority
    /// Accounts that answers may put users into beside its own; empty: any, `*` too.
    let allowedAccounts: [String]

    enum Authority: Equatable, Sendable {
        /// One key signs answers and users; users name their account as the audience.
        case key(String)
        /// Operator mode: the account and its signing keys.
        case account
    }

    func allows(_ account: String) -> Bool {
        allowedAccounts.isEmpty || account == self.account || allowedAccounts.contains(account)
            || allowedAccounts.contains("*")
    }
}
