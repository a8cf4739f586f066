/// The answer to somebody's credentials: yes, no, or what has to be done first.
public enum Authentication: Sendable {
    case accepted(Identity)
    case refused(AuthenticationRefusal)
    /// A bcrypt hash has to be computed, on a thread that may be slow.
    case mustHash(PasswordWork)
    /// The JWT of this account is not here: look for it, then ask again.
    case mustResolve(account: String)
    /// A service decides; ask it a ``CalloutQuestion``.
    case mustAsk(Callout)
}

/// A password that has to be compared with a hash.
public struct PasswordWork: Sendable {
    let secret: StoredSecret
    let offered: String
    let identity: Identity

    /// Takes as long as the hash's cost says.
    public func verify() -> Authentication {
        secret.matches(offered) ? .accepted(identity) : .refused(.wrongPassword)
    }
}

/// Why somebody is not let in. For the log: the client is told only that it is so.
public enum AuthenticationRefusal: Error, Hashable, Sendable {
    case noCredentials
    case unknownUser
    case wrongPassword
    case connectionTypeNotAllowed
    case signatureMissing
    case signatureWrong
    case noCertificateMatch
    case jwtRequired
    case jwtInvalid(JWTFault)
    case accountUnknown
    case accountNotTrusted
    case accountExpired
    case issuerUnknown
    case scopeViolated
    case bearerNotAllowed
    case revoked
    case sourceNotAllowed
    case outsideTimes
    case calloutRefused(String)

    public var text: String {
        switch self {
        case .noCredentials: "no credentials"
        case .unknownUser: "unknown user"
        case .wrongPassword: "wrong password"
        case .connectionTypeNotAllowed: "Connection type not allowed"
        case .signatureMissing: "Signature missing"
        case .signatureWrong: "Signature not verified"
        case .noCertificateMatch: "no user for the names in the certificate"
        case .jwtRequired: "Authentication requires a user JWT"
        case .jwtInvalid(let fault): "User JWT not valid: \(fault.text)"
        case .accountUnknown: "Account JWT lookup error: account not found"
        case .accountNotTrusted: "Account JWT not signed by trusted operator"
        case .accountExpired: "Account JWT has expired"
        case .issuerUnknown: "User JWT issuer is not known"
        case .scopeViolated: "User JWT is not valid for its signing key"
        case .bearerNotAllowed: "Account does not allow bearer tokens"
        case .revoked: "User authentication revoked"
        case .sourceNotAllowed: "Bad src Ip"
        case .outsideTimes: "Outside connect times"
        case .calloutRefused(let reason): "Auth callout: \(reason)"
        }
    }
}
