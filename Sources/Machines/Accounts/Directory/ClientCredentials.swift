public import ServerConfig

/// What somebody shows to be let in, whatever the protocol.
public struct ClientCredentials: Sendable {
    public var user = ""
    public var password = ""
    public var token = ""
    /// A public user key.
    public var nkey = ""
    public var jwt = ""
    /// Base64 of the signature over ``nonce`` by the key of `nkey` or `jwt`.
    public var signature = ""
    /// What the server asked to be signed.
    public var nonce: [UInt8] = []
    /// From a certificate that was verified; nil without one.
    public var certificate: CertificateNames?
    public var connectionType = ConnectionType.standard
    /// An IP address.
    public var host = ""

    public init() {}

    var isEmpty: Bool {
        user.isEmpty && password.isEmpty && token.isEmpty && nkey.isEmpty && jwt.isEmpty
    }
}

/// The names in a client's certificate.
public struct CertificateNames: Equatable, Sendable {
    public var emailAddresses: [String] = []
    public var dnsNames: [String] = []
    public var uris: [String] = []
    /// Of the subject, as in `CN=alice,OU=ops,O=example`. Source: RFC 2253.
    public var distinguishedName = ""

    public init() {}
}
