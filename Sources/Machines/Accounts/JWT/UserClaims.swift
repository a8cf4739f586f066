import JSON
public import Model
public import ServerConfig

/// A user as its JWT describes it.
///
/// Source: the jwt repository of NATS, "user_claims.go".
public struct UserClaims: Sendable {
    public let subject: NKey
    public let name: String
    /// Who signed it: the account, or one of its signing keys.
    public let issuer: String
    public let issuedAt: Int64
    /// Seconds since 1970; 0 for never.
    public let expires: Int64
    /// Where the server answers a callout: the account's name in the configuration.
    public let audience: String
    /// In lower case, as NATS keeps them.
    public let tags: [String]
    public let limits: UserLimits
    /// Whether the claims say anything about limits and permissions.
    public let saysNothingOfLimits: Bool
    private let issuerAccount: String

    /// The public key of the account.
    public var account: String { issuerAccount.isEmpty ? issuer : issuerAccount }

    /// Checks signature and times; who may issue it is for ``AccountDirectory``.
    public init(_ text: String, now: Timestamp) throws(JWTFault) {
        let token = try SignedToken(text)
        try token.checkType("user")
        guard token.issuer.kind == .account else { throw .wrongIssuer }
        guard let subject = NKey(token.subject, .user) else { throw .wrongSubject }
        try token.checkTimes(now)
        self.subject = subject
        name = token.name
        issuer = token.issuer.text
        issuedAt = token.issuedAt
        expires = token.expires
        audience = token.audience
        tags = try token.claims.texts("tags").map { $0.lowercased() }
        limits = try UserLimits(token.claims)
        saysNothingOfLimits = limits == UserLimits()
        issuerAccount = try token.claims.text("issuer_account")
        guard issuerAccount.isEmpty || NKey(issuerAccount, .account) != nil else {
            throw .wrongField("issuer_account")
        }
    }
}

/// What a user may do, how much, when and from where.
public struct UserLimits: Equatable, Sendable {
    /// Nil: the account's defaults.
    public var permissions: PermissionsOptions?
    /// -1 for no limit.
    public var maximumSubscriptions: Int64 = 0
    /// Bytes; -1 for no limit.
    public var maximumPayload: Int64 = 0
    /// Kept, and not enforced, as by nats-server.
    public var maximumData: Int64 = 0
    /// Whether the JWT alone is enough, without a signature by its key.
    public var isBearer = false
    public var connectionTypes: Set<ConnectionType> = []
    /// Empty: from everywhere.
    public var sources: [IPNetwork] = []
    /// Empty: always.
    public var times: [DailyTime] = []
    /// The time zone of ``times``, as in `Europe/Berlin`; empty: the server's own.
    public var timesLocation = ""

    init() {}

    init(_ claims: ClaimFields) throws(JWTFault) {
        permissions = try PermissionsOptions(claims: claims)
        if let permissions, (try? CompiledPermissions(permissions)) == nil, !permissions.isTemplate
        {
            throw .wrongField("pub, sub")
        }
        maximumSubscriptions = try claims.integer("subs")
        maximumPayload = try claims.integer("payload")
        maximumData = try claims.integer("data")
        isBearer = try claims.flag("bearer_token")
        let types = try claims.texts("allowed_connection_types")
        connectionTypes = Set(types.compactMap { ConnectionType(rawValue: $0.uppercased()) })
        // Unknown ones alone must not mean that all are allowed.
        if !types.isEmpty, connectionTypes.isEmpty {
            throw .wrongField("allowed_connection_types")
        }
        for text in try Self.sources(claims) {
            guard let network = IPNetwork(text) else { throw .wrongField("src") }
            sources.append(network)
        }
        for element in try claims.list("times") {
            let fields = ClaimFields(element)
            guard let time = DailyTime(start: try fields.text("start"), end: try fields.text("end"))
            else { throw .wrongField("times") }
            times.append(time)
        }
        timesLocation = try claims.text("times_location")
    }

    /// A list, or a text with commas.
    private static func sources(_ claims: ClaimFields) throws(JWTFault) -> [String] {
        if let text = claims.find("src")?.string {
            return text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }
        }
        return try claims.texts("src")
    }
}
