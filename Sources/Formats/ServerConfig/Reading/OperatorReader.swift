/// Reads the options of operator mode: who is trusted, and where accounts come from.
struct OperatorReader {
    let findings: ConfigFindings
    let readFile: @Sendable (String) throws(ConfigSurroundings.FileUnreadable) -> [UInt8]

    /// JWTs, or the names of files that hold one.
    func operators(_ node: ConfigNode) throws(ConfigError) -> [String] {
        var tokens: [String] = []
        for text in try node.strings() {
            if text.hasPrefix("eyJ") {
                tokens.append(text)
                continue
            }
            let bytes: [UInt8]
            do { bytes = try readFile(text) } catch { throw node.failure("error parsing operator JWT: \(error)") }
            tokens.append(Self.token(in: String(decoding: bytes, as: UTF8.self)))
        }
        return tokens
    }

    /// The JWT of a file that may be decorated: a line of dashes, the JWT, a line of dashes.
    private static func token(in text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.drop(while: \.isWhitespace) }
        guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN") }), start + 1 < lines.count else {
            return String(text.filter { !$0.isWhitespace })
        }
        return String(lines[start + 1].filter { !$0.isWhitespace })
    }

    func trustedKeys(_ node: ConfigNode) throws(ConfigError) -> [String] {
        let keys = try node.strings()
        for key in keys where !PublicKeyShape.isKey(key, of: "O") {
            throw node.failure("trust key \"\(key)\" required to be a valid public operator nkey")
        }
        return keys
    }

    func resolver(_ node: ConfigNode) throws(ConfigError) -> ResolverOptions {
        if case .string(let text) = node.value {
            let name = text.uppercased()
            if name.hasPrefix("MEM") { return .memory }
            if name.hasPrefix("URL") { throw node.failure("the URL resolver is not supported yet") }
            throw node.failure("error parsing account resolver, should be MEMORY or a map with dir and type: full")
        }
        var options = DirectoryResolverOptions(directory: "")
        var kind = ""
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "dir": options.directory = try node.string()
            case "type": kind = try node.string().uppercased()
            case "limit": options.limit = try node.integer(0...Int64.max)
            case "interval": options.intervalNanoseconds = try node.durationNanoseconds(key)
            case "timeout": options.timeoutNanoseconds = try node.durationNanoseconds(key)
            case "allow_delete": options.allowsDelete = try node.boolean()
            case "hard_delete": options.deletesForGood = try node.boolean()
            case "ttl":
                if try node.durationNanoseconds(key) != 0 { throw node.failure("FULL does not accept ttl") }
            default: return false
            }
            return true
        }
        if options.directory.isEmpty {
            throw node.failure("dir has no value and needs to point to a directory")
        }
        switch kind {
        case "FULL": return .directory(options)
        case "CACHE": throw node.failure("the resolver of type cache is not supported yet")
        default: throw node.failure("error parsing account resolver, type should be full")
        }
    }

    func preload(_ node: ConfigNode) throws(ConfigError) -> [PreloadedAccount] {
        var accounts: [PreloadedAccount] = []
        for entry in try node.map().entries where !entry.isVariable {
            let jwt = try entry.node.string()
            accounts.append(PreloadedAccount(account: entry.key, jwt: jwt))
        }
        return accounts
    }
}
