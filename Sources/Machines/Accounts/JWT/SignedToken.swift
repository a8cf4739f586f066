import Bytes
public import JSON
import Model

/// A JWT as NATS writes them: `header.payload.signature`, each base64 for URLs, signed by the nkey
/// that the payload names as its issuer.
///
/// Only version 2 (`ed25519-nkey`) is read; version 1 has not been written since 2020.
/// Source: the jwt repository of NATS, "decoder.go".
public struct SignedToken: Sendable {
    public let issuer: NKey
    /// A public key for most kinds of claims.
    public let subject: String
    public let name: String
    public let audience: String
    /// Seconds since 1970.
    public let issuedAt: Int64
    /// Seconds since 1970; 0 for never.
    public let expires: Int64
    /// Seconds since 1970; 0 for since ever.
    public let notBefore: Int64
    /// The field `nats`: what is claimed.
    public let claims: ClaimFields

    /// A token that is longer is not looked at.
    public static let maximumByteCount = 8 << 20

    /// Checks the form and the signature, and nothing else: not who the issuer is, and not the time.
    public init(_ text: String) throws(JWTFault) {
        guard text.utf8.count <= Self.maximumByteCount else { throw .tooLarge }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]),
            let payload = Self.object(parts[1]), let signature = Base64URL.decode(parts[2])
        else { throw .malformed }
        guard header["typ"]?.string?.uppercased() == "JWT",
            header["alg"]?.string == "ed25519-nkey"
        else { throw .unknownAlgorithm }
        let fields = ClaimFields(payload)
        let issuer = try fields.text("iss")
        guard let key = NKey(issuer) else { throw .wrongIssuer }
        let signed = Array("\(parts[0]).\(parts[1])".utf8)
        guard key.verifies(signature, of: signed) else { throw .wrongSignature }
        self.issuer = key
        subject = try fields.text("sub")
        name = try fields.text("name")
        audience = try fields.text("aud")
        issuedAt = try fields.integer("iat")
        expires = try fields.integer("exp")
        notBefore = try fields.integer("nbf")
        claims = try fields.fields("nats")
    }

    private static func object(_ part: Substring) -> JSONValue? {
        guard let bytes = Base64URL.decode(part),
            let value = try? JSONValue.parse(bytes.span.bytes), value.object != nil
        else { return nil }
        return value
    }

    func checkType(_ type: String) throws(JWTFault) {
        guard try claims.text("type") == type else { throw .wrongType }
        guard try claims.integer("version") == 2 else { throw .unknownVersion }
    }

    func checkTimes(_ now: Timestamp) throws(JWTFault) {
        let seconds = now.nanoseconds / 1_000_000_000
        if expires > 0, expires < seconds { throw .expired }
        if notBefore > seconds { throw .notValidSoEarly }
    }

    /// Writes a token, which is signed by `key`.
    ///
    /// - Parameters:
    ///   - claims: the field `nats`, which names its type and version.
    ///   - id: the field `jti`, something unique.
    public static func sign(
        by key: SigningKey, subject: String, name: String = "", audience: String = "",
        issuedAt: Int64, expires: Int64 = 0, id: String, claims: JSONValue
    ) -> String {
        var payload = JSONWriter()
        payload.beginObject()
        if !audience.isEmpty { payload.field("aud", audience) }
        if expires > 0 { payload.field("exp", expires) }
        payload.field("jti", id)
        payload.field("iat", issuedAt)
        payload.field("iss", key.publicKey.text)
        if !name.isEmpty { payload.field("name", name) }
        payload.field("sub", subject)
        payload.field("nats", claims)
        payload.endObject()
        let header = Array(#"{"typ":"JWT","alg":"ed25519-nkey"}"#.utf8)
        let signed = "\(Base64URL.encode(header)).\(Base64URL.encode(payload.bytes))"
        return "\(signed).\(Base64URL.encode(key.sign(Array(signed.utf8))))"
    }
}

/// Why a JWT says nothing.
public enum JWTFault: Error, Hashable, Sendable {
    case malformed
    case tooLarge
    case unknownAlgorithm
    case unknownVersion
    case wrongType
    case wrongIssuer
    case wrongSubject
    case wrongSignature
    case expired
    case notValidSoEarly
    /// A field that has another type than it should, or a value that it cannot have.
    case wrongField(String)

    public var text: String {
        switch self {
        case .malformed: "not a JWT"
        case .tooLarge: "too large"
        case .unknownAlgorithm: "unexpected algorithm or token type"
        case .unknownVersion: "claims are not of version 2"
        case .wrongType: "claims of another type"
        case .wrongIssuer: "issuer is not a key that may sign this"
        case .wrongSubject: "subject is not a key of the right kind"
        case .wrongSignature: "claim failed signature verification"
        case .expired: "claim is expired"
        case .notValidSoEarly: "claim is not yet valid"
        case .wrongField(let name): "field \"\(name)\" is invalid"
        }
    }
}
