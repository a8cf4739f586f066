extension ServerOptions {
    /// Takes what a configuration file says. What it does not mention stays as it is.
    ///
    /// - Parameter readFile: reads files that options name and whose content is an option: operator JWTs.
    /// - Returns: what is suspicious and was taken all the same.
    /// - Throws: everything that is wrong, in the order of the file. The options are then of no use.
    public mutating func apply(
        _ tree: ConfigTree,
        readFile: @escaping @Sendable (String) throws(ConfigSurroundings.FileUnreadable) -> [UInt8]
    ) throws(ConfigErrors) -> [ConfigError] {
        let findings = ConfigFindings()
        if tree.root.isEmpty { throw ConfigErrors([ConfigError("config has no values or is empty")]) }
        var reader = ServerOptionsReader(options: self, findings: findings, readFile: readFile)
        reader.read(tree.root)
        if !findings.errors.isEmpty { throw ConfigErrors(findings.errors) }
        self = reader.options
        return findings.warnings
    }
}

/// Reads the outermost map. Each key has one place here; blocks have readers of their own.
struct ServerOptionsReader {
    var options: ServerOptions
    let findings: ConfigFindings
    let readFile: @Sendable (String) throws(ConfigSurroundings.FileUnreadable) -> [UInt8]

    private var operators: OperatorReader { OperatorReader(findings: findings, readFile: readFile) }
    /// A store folder beside the `jetstream` block, which counts only where JetStream is on.
    private var storeDirectory: ConfigNode?

    init(
        options: ServerOptions, findings: ConfigFindings,
        readFile: @escaping @Sendable (String) throws(ConfigSurroundings.FileUnreadable) -> [UInt8]
    ) {
        self.options = options
        self.findings = findings
        self.readFile = readFile
    }

    mutating func read(_ root: ConfigMap) {
        var reader = self
        findings.each(of: root) { key, node throws(ConfigError) in
            if try reader.readListening(key, node) { return true }
            if try reader.readLimit(key, node) { return true }
            if try reader.readLogging(key, node) { return true }
            if try reader.readIdentity(key, node) { return true }
            if try reader.readBlock(key, node) { return true }
            return try Self.refuseUnsupported(key, node, findings)
        }
        reader.settleStoreDirectory()
        let ports: Set = ["http", "http_port", "monitor_port"]
        if reader.options.monitoring.httpsPort != nil, !root.entries.contains(where: { ports.contains($0.key.lowercased()) }) {
            // HTTPS in place of the HTTP that the program would have by itself.
            reader.options.monitoring.port = nil
        }
        reader.checkUsers(root)
        self = reader
    }

    private mutating func readListening(_ key: String, _ node: ConfigNode) throws(ConfigError) -> Bool {
        switch key {
        case "listen":
            let address = try node.address()
            if let host = address.host { options.host = host.isEmpty ? "0.0.0.0" : host }
            options.port = address.port
        case "port": options.port = try node.port()
        case "host", "net": options.host = try node.string()
        case "client_advertise": options.clientAdvertise = try node.optionalString()
        case "server_name":
            let name = try node.string()
            if name.utf8.contains(UInt8(ascii: " ")) { throw node.failure("server name cannot contain spaces") }
            options.serverName = name.isEmpty ? nil : name
        case "server_tags": options.serverTags = try node.strings()
        case "server_metadata":
            for entry in try node.map().entries where !entry.isVariable {
                options.serverMetadata[entry.key] = try entry.node.string()
            }
        case "tls": options.tls = try TLSReader(findings: findings).tls(node)
        case "allow_non_tls": options.allowsPlainClients = try node.boolean()
        case "no_header_support": options.supportsHeaders = !(try node.boolean())
        case "http":
            let address = try node.address()
            if let host = address.host, !host.isEmpty { options.monitoring.host = host }
            options.monitoring.port = address.port == 0 ? nil : address.port
        case "https":
            let address = try node.address()
            if let host = address.host, !host.isEmpty { options.monitoring.host = host }
            options.monitoring.httpsPort = address.port == 0 ? nil : address.port
        case "http_port", "monitor_port":
            let port = try node.port()
            options.monitoring.port = port == 0 ? nil : port
        case "https_port":
            let port = try node.port()
            options.monitoring.httpsPort = port == 0 ? nil : port
        case "http_base_path":
            let path = try node.string().split(separator: "/").joined(separator: "/")
            options.monitoring.basePath = path.isEmpty ? "" : "/" + path
        case "pid_file", "pidfile": options.pidFile = try node.optionalString()
        case "ports_file_dir": options.portsFileDirectory = try node.optionalString()
        default: return false
        }
        return true
    }

    private mutating func readLimit(_ key: String, _ node: ConfigNode) throws(ConfigError) -> Bool {
        let most = Int64(Int32.max)
        switch key {
        case "max_control_line": options.limits.maximumControlLine = try positive(node, key, or: 4096)
        case "max_payload": options.limits.maximumPayload = try positive(node, key, or: 1 << 20)
        case "max_pending":
            let count = try node.int(0...Int64.max)
            if count > 0 { options.limits.maximumPending = count }
        case "max_connections", "max_conn":
            let count = try node.int(Int64.min...Int64.max)
            options.limits.maximumConnections = count == 0 ? 65536 : min(max(count, -1), Int(most))
        case "max_subscriptions", "max_subs":
            let count = try node.int(Int64.min...Int64.max)
            options.limits.maximumSubscriptions = min(max(0, count), Int(most))
        case "max_sub_tokens", "max_subscription_tokens":
            // 0 is refused by nats-server, too, with this text.
            let count = try node.int(0...255)
            if count == 0 { throw node.failure("\(key) value can not be negative") }
            options.limits.maximumSubscriptionTokens = count
        case "max_closed_clients": options.limits.maximumClosedClients = try node.int(0...10_000_000)
        case "ping_interval":
            let interval = try findings.duration("ping_interval", node)
            if interval > 0 { options.limits.pingIntervalNanoseconds = interval }
        case "ping_max":
            let count = try node.int(Int64.min...Int64.max)
            if count != 0 { options.limits.maximumPingsOut = count < 0 ? Int(most) : min(count, Int(most)) }
        case "write_deadline":
            let deadline = try findings.duration("write_deadline", node)
            if deadline > 0 { options.limits.writeDeadlineNanoseconds = deadline }
        case "write_timeout":
            switch try node.string() {
            case "default": break
            case "close": options.limits.writeTimeoutPolicy = .close
            case "retry": options.limits.writeTimeoutPolicy = .retry
            default: throw node.failure("write_timeout must be 'default', 'close' or 'retry'")
            }
        case "no_fast_producer_stall": options.limits.neverStallsProducers = try node.boolean()
        case "lame_duck_duration":
            let duration = try findings.duration("lame_duck_duration", node)
            if duration < 30_000_000_000 {
                throw node.failure("invalid lame_duck_duration of \(duration / 1_000_000_000)s, minimum is 30 seconds")
            }
            options.lameDuck.durationNanoseconds = duration
        case "lame_duck_grace_period":
            let period = try findings.duration("lame_duck_grace_period", node)
            if period < 0 { throw node.failure("invalid lame_duck_grace_period, needs to be positive") }
            options.lameDuck.gracePeriodNanoseconds = period
        default: return false
        }
        return true
    }

    /// A number of bytes that fits 32 bits; 0 stands for the default.
    private func positive(_ node: ConfigNode, _ key: String, or standard: Int) throws(ConfigError) -> Int {
        let number = try node.integer(0...Int64.max)
        if number > Int64(Int32.max) { throw node.failure("\(key) value is too big") }
        return number == 0 ? standard : Int(number)
    }

    /// A number where less than none means none, and very many as many as there can be.
    private func count(_ node: ConfigNode) throws(ConfigError) -> Int {
        Int(min(max(0, try node.integer(Int64.min...Int64.max)), Int64(Int32.max)))
    }

    private mutating func readLogging(_ key: String, _ node: ConfigNode) throws(ConfigError) -> Bool {
        switch key {
        case "debug": options.logging.debug = try node.boolean()
        case "trace": options.logging.trace = try node.boolean()
        case "trace_verbose":
            options.logging.traceVerbose = try node.boolean()
            options.logging.trace = options.logging.trace || options.logging.traceVerbose
        case "trace_headers": options.logging.traceHeaders = try node.boolean()
        case "logtime": options.logging.showsTime = try node.boolean()
        case "logtime_utc": options.logging.usesUTC = try node.boolean()
        case "logfile", "log_file": options.logging.file = try node.optionalString()
        case "logfile_size_limit", "log_size_limit": options.logging.fileSizeLimit = max(0, try node.integer(Int64.min...Int64.max))
        case "logfile_max_num", "log_max_num": options.logging.maximumFileCount = try count(node)
        case "max_traced_msg_len": options.logging.maximumTracedBytes = try count(node)
        case "connect_error_reports": options.logging.connectErrorReports = try count(node)
        case "reconnect_error_reports": options.logging.reconnectErrorReports = try count(node)
        case "syslog":
            if try node.boolean() { throw node.failure("syslog is not supported yet") }
        case "remote_syslog":
            if !(try node.string()).isEmpty { throw node.failure("remote_syslog is not supported yet") }
        default: return false
        }
        return true
    }

    private mutating func readIdentity(_ key: String, _ node: ConfigNode) throws(ConfigError) -> Bool {
        switch key {
        case "no_auth_user": options.noAuthUser = try node.optionalString()
        case "system_account", "system": options.systemAccount = try node.optionalString()
        case "no_system_account", "no_system", "no_sys_acc": options.noSystemAccount = try node.boolean()
        case "operator", "operators", "roots", "root", "root_operators", "root_operator":
            options.operators = try operators.operators(node)
        case "resolver", "account_resolver", "accounts_resolver": options.resolver = try operators.resolver(node)
        case "resolver_preload": options.resolverPreload = try operators.preload(node)
        case "resolver_pinned_accounts": options.resolverPinnedAccounts = try node.strings()
        case "trusted", "trusted_keys": options.trustedKeys = try operators.trustedKeys(node)
        case "default_sentinel": options.defaultSentinel = try node.optionalString()
        default: return false
        }
        return true
    }

    private mutating func readBlock(_ key: String, _ node: ConfigNode) throws(ConfigError) -> Bool {
        switch key {
        case "authorization": options.authorization = try UserReader(findings: findings).authorization(node)
        case "accounts": options.accounts = try AccountReader(findings: findings).accounts(node)
        case "mappings", "maps": options.mappings = try MappingReader(findings: findings).mappings(node)
        case "websocket", "ws": options.webSocket = try WebSocketReader(findings: findings).webSocket(node)
        case "jetstream":
            options.jetStream = try JetStreamReader(findings: findings).jetStream(node, options.jetStream)
        case "store_dir", "storedir": storeDirectory = node
        case "kafka": options.kafka = try KafkaReader(findings: findings).kafka(node, options.kafka)
        default: return false
        }
        return true
    }

    private mutating func settleStoreDirectory() {
        guard let node = storeDirectory else { return }
        let folder = findings.attempt { () throws(ConfigError) in try node.optionalString() } ?? nil
        if options.jetStream?.storeDirectory != nil {
            findings.refuse(node.failure("Duplicate 'store_dir' configuration"))
        } else {
            options.storeDirectory = folder
        }
    }

    /// Nobody is there twice, in whichever account.
    private func checkUsers(_ root: ConfigMap) {
        let position = root.entries.first { ["authorization", "accounts"].contains($0.key.lowercased()) }?.node.position
        var names: Set<String> = []
        let users = (options.authorization?.users ?? []) + options.accounts.flatMap(\.users)
        for user in users {
            let name = user.nkey ?? user.user ?? ""
            if !names.insert(name).inserted {
                let kind = user.nkey == nil ? "user" : "nkey"
                findings.refuse(ConfigError("Duplicate \(kind) \"\(name)\" detected", at: position))
            }
        }
    }

    /// Options of nats-server that this server does not have, and those that mean nothing to it.
    private static func refuseUnsupported(
        _ key: String, _ node: ConfigNode, _ findings: ConfigFindings
    ) throws(ConfigError) -> Bool {
        switch key {
        case "cluster", "gateway", "leafnodes", "leaf", "mqtt":
            // An empty block asks for nothing.
            if case .map(let map) = node.value, map.entries.isEmpty { return true }
            throw node.failure("\(key) is not supported yet")
        case "ocsp", "ocsp_cache", "proxies", "resolver_tls", "default_js_domain", "feature_flags":
            throw node.failure("\(key) is not supported yet")
        case "proxy_protocol":
            if try node.boolean() { throw node.failure("\(key) is not supported yet") }
        case "prof_port", "prof_block_rate":
            findings.warn("\(key) is ignored: there is no profiling port", at: node.position)
        case "disable_sublist_cache": _ = try node.boolean()
        default: return false
        }
        return true
    }
}
