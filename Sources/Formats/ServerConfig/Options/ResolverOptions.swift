/// Where account JWTs come from in operator mode.
public enum ResolverOptions: Sendable, Equatable {
    /// `MEMORY`: from `resolver_preload` alone.
    case memory
    /// `{type: full}`: files in a folder that the `$SYS` services change.
    case directory(DirectoryResolverOptions)
}

public struct DirectoryResolverOptions: Sendable, Equatable {
    public var directory: String
    /// How many JWTs may be kept; 0 for no limit.
    public var limit: Int64 = 0
    /// How often others are asked for what is missing here.
    public var intervalNanoseconds: Int64 = 60_000_000_000
    /// How long a look-up elsewhere may take.
    public var timeoutNanoseconds: Int64 = 1_900_000_000
    /// Whether a signed request may remove JWTs.
    public var allowsDelete = false
    /// Whether removed ones go for good; otherwise they are renamed.
    public var deletesForGood = false

    public init(directory: String) { self.directory = directory }
}

/// One entry of `resolver_preload`.
public struct PreloadedAccount: Sendable, Equatable {
    /// The account's public key (A…).
    public var account: String
    public var jwt: String

    public init(account: String, jwt: String) {
        self.account = account
        self.jwt = jwt
    }
}
