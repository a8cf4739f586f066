import CTLS

/// What a connection's TLS came to, and who the peer says it is.
public struct TLSIdentity: Sendable, Equatable {
    /// `1.2` or `1.3`.
    public var version = ""
    /// The cipher suite by the name of IANA, which Go uses too.
    public var cipherSuite = ""
    /// The host that the client asked for; empty if it named none.
    public var serverName = ""
    /// Nil: the client has shown no certificate.
    public var certificate: Certificate?

    /// What the client's certificate says of it.
    public struct Certificate: Sendable, Equatable {
        /// Somebody whom the server trusts vouches for it.
        public var isVerified = false
        /// The subject's distinguished name as RFC 2253 writes it: `CN=bob,O=Acme`.
        public var subject = ""
        // The subject's alternative names, by kind, in the certificate's order.
        public var emails: [String] = []
        public var dnsNames: [String] = []
        public var uris: [String] = []
        /// SHA-256 of the SubjectPublicKeyInfo, in lower-case hex.
        public var keyDigest = ""
        /// SHA-256 of the certificate, in lower-case hex.
        public var digest = ""
        /// The certificate and those that the client sent with it, in DER.
        public var chain: [[UInt8]] = []

        public init() {}
    }

    public init() {}
}

extension TLSIdentity {
    /// After the handshake of `raw`.
    init(_ raw: UnsafeMutablePointer<duolog_tls>) {
        version = duolog_tls_version(raw) == 0x0304 ? "1.3" : "1.2"
        // Both are C strings that live as long as the connection.
        cipherSuite = duolog_tls_cipher(raw).map { String(cString: $0) } ?? ""
        serverName = duolog_tls_server_name(raw).map { String(cString: $0) } ?? ""
        var certificate = Certificate()
        // The pointer is used by the callback alone, while the call lasts.
        let found = withUnsafeMutablePointer(to: &certificate) { receiver in
            duolog_tls_describe_peer(
                raw,
                { receiver, fact, bytes, count in
                    receiver!.assumingMemoryBound(to: Certificate.self).pointee.note(
                        fact, Array(UnsafeBufferPointer(start: bytes, count: count)))
                }, receiver)
        }
        if found == 0 { return }
        certificate.isVerified = found == 2
        self.certificate = certificate
    }
}

extension TLSIdentity.Certificate {
    fileprivate mutating func note(_ fact: duolog_tls_fact, _ bytes: [UInt8]) {
        switch fact {
        case DUOLOG_TLS_SUBJECT: subject = String(decoding: bytes, as: UTF8.self)
        case DUOLOG_TLS_EMAIL: emails.append(String(decoding: bytes, as: UTF8.self))
        case DUOLOG_TLS_DNS_NAME: dnsNames.append(String(decoding: bytes, as: UTF8.self))
        case DUOLOG_TLS_URI: uris.append(String(decoding: bytes, as: UTF8.self))
        case DUOLOG_TLS_KEY_DIGEST: keyDigest = Self.hex(bytes)
        case DUOLOG_TLS_CERTIFICATE_DIGEST: digest = Self.hex(bytes)
        default: chain.append(bytes)
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}
