/// Reads `authorization`, lists of users and permissions.
struct UserReader {
    let findings: ConfigFindings

    /// The `authorization` block.
    func authorization(_ node: ConfigNode) throws(ConfigError) -> AuthorizationOptions {
        var options = AuthorizationOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "user", "username": options.user = try node.optionalString()
            case "pass", "password": options.password = try node.optionalString()
            case "token": options.token = try node.optionalString()
            case "timeout": options.timeoutNanoseconds = try node.timeoutNanoseconds("timeout")
            case "users": options.users = try users(node)
            case "default_permission", "default_permissions", "permissions":
                options.defaultPermissions = try permissions(node)
            case "auth_callout", "auth_hook": options.authCallout = try authCallout(node)
            case "proxy_required": try refuseProxies(node)
            default: return false
            }
            return true
        }
        if options.user != nil && options.token != nil {
            findings.refuse(node.failure("Cannot have a user/pass and token"))
        }
        if !options.users.isEmpty && options.user != nil {
            findings.refuse(node.failure("Can not have a single user/pass and a users array"))
        }
        if !options.users.isEmpty && options.token != nil {
            findings.refuse(node.failure("Can not have a token and a users array"))
        }
        return options
    }

    /// A `users` list. Each has a name or a key, and each name is there once.
    func users(_ node: ConfigNode) throws(ConfigError) -> [UserOptions] {
        var users: [UserOptions] = []
        for node in try node.array() {
            guard let user = findings.attempt({ () throws(ConfigError) in try readUser(node) }) else { continue }
            users.append(user)
        }
        return users
    }

    private func readUser(_ node: ConfigNode) throws(ConfigError) -> UserOptions {
        var user = UserOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "nkey":
                let key = try node.string()
                if !PublicKeyShape.isKey(key, of: "U") {
                    throw node.failure("Not a valid public nkey for a user")
                }
                user.nkey = key
            case "user", "username": user.user = try node.optionalString()
            case "pass", "password": user.password = try node.optionalString()
            case "permission", "permissions", "authorization": user.permissions = try permissions(node)
            case "allowed_connection_types", "connection_types", "clients":
                user.allowedConnectionTypes = try connectionTypes(node)
            case "proxy_required": try refuseProxies(node)
            default: return false
            }
            return true
        }
        if user.nkey == nil && user.user == nil { throw node.failure("User entry requires a user") }
        if user.nkey != nil && (user.user != nil || user.password != nil) {
            throw node.failure("User entry with nkey can not have a user or a password")
        }
        return user
    }

    private func refuseProxies(_ node: ConfigNode) throws(ConfigError) {
        if try node.boolean() { throw node.failure("proxy_required is not supported yet") }
    }

    func connectionTypes(_ node: ConfigNode) throws(ConfigError) -> Set<ConnectionType> {
        var types: Set<ConnectionType> = []
        for name in try node.strings() {
            guard let type = ConnectionType(rawValue: name.uppercased()) else {
                throw node.failure("Unknown connection type \"\(name)\"")
            }
            types.insert(type)
        }
        return types
    }

    private func authCallout(_ node: ConfigNode) throws(ConfigError) -> AuthCalloutOptions {
        var options = AuthCalloutOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "issuer":
                options.issuer = try node.string()
                if !PublicKeyShape.isKey(options.issuer, of: "A") {
                    throw node.failure("Expected callout user to be a valid public account nkey, got \"\(options.issuer)\"")
                }
            case "account", "acc": options.account = try node.string()
            case "auth_users", "users": options.authUsers = try node.strings()
            case "xkey", "key":
                let key = try node.string()
                if !PublicKeyShape.isKey(key, of: "X") {
                    throw node.failure("Expected callout xkey to be a valid public xkey, got \"\(key)\"")
                }
                options.xkey = key
            case "allowed_accounts": options.allowedAccounts = try node.strings()
            default: return false
            }
            return true
        }
        if options.issuer.isEmpty { throw node.failure("Authorization callouts require an issuer to be specified") }
        if options.authUsers.isEmpty {
            throw node.failure("Authorization callouts require authorized users to be specified")
        }
        return options
    }

    // MARK: Permissions

    func permissions(_ node: ConfigNode) throws(ConfigError) -> PermissionsOptions {
        var options = PermissionsOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "pub", "publish", "import": options.publish = try subjectPermission(node, queues: false)
            case "sub", "subscribe", "export": options.subscribe = try subjectPermission(node, queues: true)
            case "publish_allow_responses", "allow_responses": options.responses = try responses(node)
            default: return false
            }
            return true
        }
        return options
    }

    private func subjectPermission(_ node: ConfigNode, queues: Bool) throws(ConfigError) -> SubjectPermission {
        guard case .map(let map) = node.value else {
            return SubjectPermission(allow: try subjects(node, queues: queues))
        }
        var permission = SubjectPermission()
        findings.each(of: map) { key, node throws(ConfigError) in
            switch key {
            case "allow": permission.allow = try subjects(node, queues: queues)
            case "deny": permission.deny = try subjects(node, queues: queues)
            default: return false
            }
            return true
        }
        return permission
    }

    private func subjects(_ node: ConfigNode, queues: Bool) throws(ConfigError) -> [String] {
        let subjects = try node.strings()
        for text in subjects {
            let parts = text.split(separator: " ")
            let isFine = parts.count == 1 || (parts.count == 2 && queues)
            guard isFine, parts.allSatisfy({ SubjectShape.isFilter($0) }) else {
                throw node.failure("subject \"\(text)\" is not a valid subject")
            }
        }
        return subjects
    }

    /// `true`, or a map of how many and for how long.
    private func responses(_ node: ConfigNode) throws(ConfigError) -> ResponsePermission? {
        if case .boolean(let isOn) = node.value { return isOn ? ResponsePermission() : nil }
        var permission = ResponsePermission()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "max", "max_msgs", "max_messages", "max_responses":
                permission.maximumMessages = try node.int(-1...Int64(Int32.max))
                if permission.maximumMessages == 0 { permission.maximumMessages = 1 }
            case "expires", "expiration", "ttl":
                let nanoseconds = try node.durationNanoseconds("expires")
                permission.expiresNanoseconds =
                    nanoseconds == 0 ? ResponsePermission().expiresNanoseconds : nanoseconds
            default: return false
            }
            return true
        }
        return permission
    }
}

/// What subjects look like. Whether a token is a wildcard is a matter of who reads them.
enum SubjectShape {
    /// Tokens that are not empty, and `>` at the end only.
    static func isFilter(_ text: some StringProtocol) -> Bool {
        let tokens = text.split(separator: ".", omittingEmptySubsequences: false)
        guard tokens.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(where: \.isSpace) }) else { return false }
        return !tokens.dropLast().contains(">")
    }

    /// A filter without wildcards.
    static func isLiteral(_ text: some StringProtocol) -> Bool {
        isFilter(text) && !text.split(separator: ".").contains { $0 == "*" || $0 == ">" }
    }
}

/// What public keys look like: 56 characters of base 32, the first of which says whose they are.
enum PublicKeyShape {
    static func isKey(_ text: String, of kind: Character) -> Bool {
        text.utf8.count == 56 && text.first == kind
            && text.utf8.allSatisfy {
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || (UInt8(ascii: "2")...UInt8(ascii: "7")).contains($0)
            }
    }
}
