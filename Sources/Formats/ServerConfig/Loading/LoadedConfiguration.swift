/// The options of a server, with what is known about where they came from.
public struct LoadedConfiguration: Sendable, Equatable {
    public var options: ServerOptions
    /// As the operator named it.
    public var file: String?
    /// What ``ConfigDigest`` takes the digest of; empty without a file.
    public var digestText: [UInt8] = []
    /// What is suspicious in the file, and was taken all the same.
    public var warnings: [ConfigError] = []

    /// Defaults, then what the file says, then what the flags say.
    ///
    /// - Parameter defaults: what the program is without a word from anybody.
    /// - Throws: everything that is wrong.
    public init(
        _ flags: ServerFlags, defaults: ServerOptions, from surroundings: ConfigSurroundings
    ) throws(ConfigErrors) {
        options = defaults
        file = flags.configurationFile
        if let file {
            let tree: ConfigTree
            do { tree = try ConfigTree(file: file, from: surroundings) } catch { throw ConfigErrors([error]) }
            if tree.root.isEmpty { throw ConfigErrors([ConfigError("\(file): config has no values or is empty")]) }
            warnings = try options.apply(tree, readFile: surroundings.readFile)
            digestText = ConfigDigest.text(of: tree)
        }
        do { try flags.apply(to: &options) } catch { throw ConfigErrors([ConfigError(error.description)]) }
        let problems = options.contradictions
        if !problems.isEmpty { throw ConfigErrors(problems.map { ConfigError($0) }) }
    }
}

extension ServerOptions {
    /// What the options say that cannot be true together.
    ///
    /// Source: nats-server 2.15, which says the same when it starts.
    public var contradictions: [String] {
        var problems: [String] = []
        if lameDuck.gracePeriodNanoseconds >= lameDuck.durationNanoseconds {
            problems.append("lame duck grace period should be strictly lower than lame duck duration")
        }
        if limits.maximumPayload > limits.maximumPending {
            problems.append(
                "max_payload (\(limits.maximumPayload)) cannot be higher than max_pending (\(limits.maximumPending))")
        }
        if monitoring.port != nil && monitoring.httpsPort != nil {
            problems.append("cannot have both an http and an https monitoring port")
        }
        if monitoring.httpsPort != nil && tls == nil { problems.append("TLS cert and key required for HTTPS") }
        if tls == nil && allowsPlainClients { problems.append("allow_non_tls needs a tls block") }
        let isOperated = !operators.isEmpty || !trustedKeys.isEmpty
        if isOperated && !accounts.isEmpty {
            problems.append("trusted operators and accounts in the file do not go together")
        }
        if isOperated && authorization.map({ !$0.users.isEmpty || $0.user != nil || $0.token != nil }) == true {
            problems.append("trusted operators and users in the file do not go together")
        }
        if isOperated && resolver == nil && resolverPreload.isEmpty {
            problems.append("using operators requires a resolver to be configured")
        }
        let names = (authorization?.users ?? []).compactMap(\.user) + accounts.flatMap(\.users).compactMap(\.user)
        if let noAuthUser, !isOperated, !names.contains(noAuthUser),
            (authorization?.users ?? accounts.flatMap(\.users)).contains(where: { $0.nkey == noAuthUser }) == false
        {
            problems.append("no_auth_user: \"\(noAuthUser)\" not present as user or nkey in authorization block or account configuration")
        }
        if let systemAccount, !isOperated, systemAccount != "$SYS", !accounts.contains(where: { $0.name == systemAccount }) {
            problems.append("error resolving system account: there is no account \"\(systemAccount)\"")
        }
        return problems
    }
}
