/// A request to `$JS.API` and its answer, as ``Advisory/audited(_:)`` tells them.
///
/// Source: nats-server 2.15, `JSAPIAudit`; NATS documentation, "JetStream API audit".
public struct APIAudit: Equatable, Sendable {
    public static let subject = Array("$JS.EVENT.ADVISORY.API".utf8)

    public var server: String
    /// Who asked, as JSON.
    public var client: [UInt8]
    public var requestSubject: String
    public var request: String
    public var response: String
    /// Empty where the server is in none.
    public var domain: String

    public init(
        server: String, client: [UInt8], requestSubject: String, request: String, response: String,
        domain: String
    ) {
        self.server = server
        self.client = client
        self.requestSubject = requestSubject
        self.request = request
        self.response = response
        self.domain = domain
    }
}
