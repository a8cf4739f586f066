/// A `tls` block. Files are named as the operator named them and read by who makes use of them.
public struct TLSOptions: Sendable, Equatable {
    /// The first is the one to use where a client does not say whom it wants to talk to.
    public var certificates: [CertificateFiles] = []
    /// The authorities that clients' certificates must come from; nil: those of the system.
    public var authorityFile: String?
    /// Whether clients must show a certificate.
    public var verifiesClients = false
    /// Whether the certificate also says which user a client is; such clients are verified too.
    public var mapsCertificatesToUsers = false
    /// How long a handshake may take.
    public var timeoutNanoseconds: Int64 = 2_000_000_000
    public var handshakeFirst = HandshakeFirst.off
    /// Lower-case hexadecimal SHA-256 of the public keys that clients may have; empty: any.
    public var pinnedCertificates: Set<String> = []
    /// As Go names them; empty: the library's choice.
    public var cipherSuites: [String] = []
    /// As Go names them: `X25519`, `CurveP256`; empty: the library's choice.
    public var curvePreferences: [String] = []
    public var minimumVersion = TLSVersion.v1_2
    /// Handshakes a second; 0 for no limit.
    public var connectionRateLimit = 0

    public init() {}
}

public struct CertificateFiles: Sendable, Equatable {
    /// PEM, the server's certificate first.
    public var certificateFile: String
    /// PEM
    public var keyFile: String

    public init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}

public enum TLSVersion: String, Sendable, Equatable, Comparable {
    case v1_2 = "1.2"
    case v1_3 = "1.3"

    public static func < (a: TLSVersion, b: TLSVersion) -> Bool { a.rawValue < b.rawValue }
}

/// Whether TLS begins before INFO.
public enum HandshakeFirst: Sendable, Equatable {
    /// INFO first, as old clients expect.
    case off
    case always
    /// INFO is sent to who has sent nothing for so long.
    case auto(fallbackNanoseconds: Int64)
}
