/// What a TLS server is set up with. Names are those of nats-server's `tls` block.
public struct TLSSettings: Sendable, Equatable {
    /// A pair of PEM files. The certificate's file may hold the chain behind it.
    public struct Certificate: Sendable, Equatable {
        public var certificateFile: String
        public var keyFile: String

        public init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    public enum Version: UInt16, Sendable, Equatable, Comparable {
        case v1_2 = 0x0303
        case v1_3 = 0x0304

        public static func < (left: Version, right: Version) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    /// The first is for clients that name no host, or one that none of the certificates has.
    public var certificates: [Certificate]
    /// Who may vouch for clients; nil for those whom the system trusts.
    public var caFile: String?
    /// Clients must show a certificate that somebody of ``caFile`` vouches for.
    public var verifiesClients = false
    /// If not empty: the only client keys that are let in, as SHA-256 of their
    /// SubjectPublicKeyInfo in lower-case hex.
    public var pinnedKeys: Set<String> = []
    public var minimumVersion = Version.v1_2
    /// By the names of IANA, which Go uses too. Empty for the usual ones. Those of TLS 1.3 are
    /// always on, as in Go.
    public var cipherSuites: [String] = []
    /// By Go's names: `X25519`, `CurveP256`, `CurveP384`, `CurveP521`. Empty for the usual ones.
    public var curvePreferences: [String] = []

    public init(certificates: [Certificate]) { self.certificates = certificates }
}

/// Why TLS cannot be set up.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There has to be at least one.
    case noCertificate
    /// A certificate or its key cannot be read, or the two do not belong together.
    case certificate(TLSSettings.Certificate, reason: String)
    case authorities(file: String?, reason: String)
    case unknownCipherSuite(String)
    case unknownCurve(String)
    /// The library refuses what is asked for; also where its own policy forbids it.
    case refused(String)

    public var description: String {
        switch self {
        case .noCertificate: "TLS needs a certificate and its key"
        case .certificate(let pair, let reason):
            "error parsing X509 certificate/key pair: \(pair.certificateFile), \(pair.keyFile): \(reason)"
        case .authorities(let file, let reason):
            "failed to parse root ca certificate \(file ?? "of the system"): \(reason)"
        case .unknownCipherSuite(let name): "unrecognized cipher \(name)"
        case .unknownCurve(let name): "unrecognized curve preference \(name)"
        case .refused(let what): "TLS library refuses \(what)"
        }
    }
}
