/// Reads `accounts`, with what they export and import.
struct AccountReader {
    let findings: ConfigFindings
    private var users: UserReader { UserReader(findings: findings) }

    /// A map of names to blocks, or a list of names.
    func accounts(_ node: ConfigNode) throws(ConfigError) -> [AccountOptions] {
        if case .array(let nodes) = node.value {
            var accounts: [AccountOptions] = []
            for node in nodes {
                let name = try node.nonEmptyString()
                try check(name, node)
                if accounts.contains(where: { $0.name == name }) {
                    throw node.failure("Duplicate Account Entry: \(name)")
                }
                accounts.append(AccountOptions(name: name))
            }
            return accounts
        }
        var accounts: [AccountOptions] = []
        for entry in try node.map().entries where !entry.isVariable {
            let account = findings.attempt { () throws(ConfigError) in
                try check(entry.key, entry.node)
                return try readAccount(entry.key, entry.node)
            }
            if let account { accounts.append(account) }
        }
        return accounts
    }

    private func check(_ name: String, _ node: ConfigNode) throws(ConfigError) {
        if name == "$G" { throw node.failure("\"\(name)\" is a Reserved Account") }
        if name.utf8.contains(where: \.isSpace) { throw node.failure("account name \"\(name)\" has a blank in it") }
    }

    private func readAccount(_ name: String, _ node: ConfigNode) throws(ConfigError) -> AccountOptions {
        guard case .map(let map) = node.value else { throw node.failure("Expected map entries for accounts") }
        var account = AccountOptions(name: name)
        findings.each(of: map) { key, node throws(ConfigError) in
            switch key {
            case "nkey":
                let key = try node.string()
                guard PublicKeyShape.isKey(key, of: "A") else {
                    throw node.failure("Not a valid public nkey for an account: \"\(key)\"")
                }
                account.nkey = key
            case "imports": account.imports = try imports(node)
            case "exports": account.exports = try exports(node)
            case "jetstream": account.jetStream = try jetStream(node)
            case "users": account.users = try users.users(node)
            case "default_permissions": account.defaultPermissions = try users.permissions(node)
            case "mappings", "maps": account.mappings = try MappingReader(findings: findings).mappings(node)
            case "limits": account.limits = try limits(node)
            case "msg_trace", "trace_dest": throw node.failure("\(key) is not supported yet")
            default: return false
            }
            return true
        }
        return account
    }

    private func limits(_ node: ConfigNode) throws(ConfigError) -> AccountLimitOptions {
        var limits = AccountLimitOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "max_connections", "max_conn": limits.maximumConnections = try node.integer(-1...Int64.max)
            case "max_subscriptions", "max_subs": limits.maximumSubscriptions = try node.integer(-1...Int64.max)
            case "max_payload", "max_pay": limits.maximumPayload = try node.integer(-1...Int64(Int32.max))
            case "max_leafnodes", "max_leafs": limits.maximumLeafNodes = try node.integer(-1...Int64.max)
            default: return false
            }
            return true
        }
        return limits
    }

    private func jetStream(_ node: ConfigNode) throws(ConfigError) -> AccountJetStreamOptions? {
        switch node.value {
        case .boolean(let isOn): return isOn ? AccountJetStreamOptions() : nil
        case .string(let text):
            switch text.lowercased() {
            case "enabled", "enable": return AccountJetStreamOptions()
            case "disabled", "disable": return nil
            default: throw node.failure("Expected 'enabled' or 'disabled' for string value, got '\(text)'")
            }
        default: break
        }
        var options = AccountJetStreamOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "max_memory", "max_mem", "mem", "memory": options.maximumMemory = try node.byteCount()
            case "max_store", "max_file", "max_disk", "store", "disk": options.maximumStorage = try node.byteCount()
            case "max_streams", "streams": options.maximumStreams = try node.int(-1...Int64(Int32.max))
            case "max_consumers", "consumers": options.maximumConsumers = try node.int(-1...Int64(Int32.max))
            case "max_bytes_required", "max_stream_bytes", "max_bytes":
                options.requiresMaximumBytes = try node.boolean()
            case "mem_max_stream_bytes", "memory_max_stream_bytes":
                options.maximumStreamBytesInMemory = try node.byteCount()
            case "disk_max_stream_bytes", "store_max_stream_bytes":
                options.maximumStreamBytesOnDisk = try node.byteCount()
            case "max_ack_pending": options.maximumAckPending = try node.int(-1...Int64(Int32.max))
            case "cluster_traffic":
                let who = try node.string()
                guard who == "system" || who == "owner" else {
                    throw node.failure("Expected 'system' or 'owner' string value for \"cluster_traffic\", got \(who)")
                }
            default: return false
            }
            return true
        }
        return options
    }

    // MARK: What accounts give each other

    private func exports(_ node: ConfigNode) throws(ConfigError) -> [ExportOptions] {
        guard case .array(let nodes) = node.value else {
            throw node.failure("Exports should be an array")
        }
        return nodes.compactMap { node in
            findings.attempt { () throws(ConfigError) in try readExport(node) }
        }
    }

    private func readExport(_ node: ConfigNode) throws(ConfigError) -> ExportOptions {
        var export: ExportOptions?
        var accounts: [String]?
        var response: (ResponseType, ConfigNode)?
        var threshold: (Int64, ConfigNode)?
        var latency: (LatencyOptions, ConfigNode)?
        var tokenPosition: Int?
        var allowsTrace = false
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "stream", "service":
                if export != nil { throw node.failure("Detected \(key) but already saw a \(export!.kind.rawValue)") }
                let subject = try node.string()
                if !SubjectShape.isFilter(subject) { throw node.failure("subject \"\(subject)\" is not a valid subject") }
                export = ExportOptions(kind: key == "stream" ? .stream : .service, subject: subject)
            case "accounts": accounts = try node.strings()
            case "response", "response_type":
                let text = try node.string().lowercased()
                guard let type = ResponseType(rawValue: text == "singleton" ? "single" : text == "chunk" ? "chunked" : text)
                else { throw node.failure("Unknown response type: \"\(text)\"") }
                response = (type, node)
            case "threshold", "response_threshold", "response_max_time", "response_time":
                threshold = (try node.durationNanoseconds(key), node)
            case "latency": latency = (try self.latency(node), node)
            case "account_token_position": tokenPosition = try node.int(1...255)
            case "allow_trace", "allow_msg_trace": allowsTrace = try node.boolean()
            default: return false
            }
            return true
        }
        guard var export else { throw node.failure("Export Items should define a stream or a service") }
        for directive in [response?.1, threshold?.1, latency?.1].compactMap(\.self) where export.kind == .stream {
            throw directive.failure("Detected a directive for services on an export of a stream")
        }
        export.accounts = accounts
        export.response = response?.0 ?? .single
        export.responseThresholdNanoseconds = threshold?.0
        export.latency = latency?.0
        export.accountTokenPosition = tokenPosition
        export.allowsTrace = allowsTrace
        return export
    }

    /// A subject, or a map with the part of the requests that are measured.
    private func latency(_ node: ConfigNode) throws(ConfigError) -> LatencyOptions {
        if case .string(let subject) = node.value { return LatencyOptions(subject: subject) }
        var subject: String?
        var percent = 100
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "subject": subject = try node.string()
            case "sampling":
                if case .string("headers") = node.value { percent = 0 } else { percent = try node.percent() }
                if percent == 0, case .integer = node.value {
                    throw node.failure("sampling is a number from 1 to 100, or \"headers\"")
                }
            default: return false
            }
            return true
        }
        guard let subject else { throw node.failure("Latency subject required, but missing") }
        return LatencyOptions(subject: subject, samplingPercent: percent)
    }

    private func imports(_ node: ConfigNode) throws(ConfigError) -> [ImportOptions] {
        guard case .array(let nodes) = node.value else {
            throw node.failure("Imports should be an array")
        }
        return nodes.compactMap { node in
            findings.attempt { () throws(ConfigError) in try readImport(node) }
        }
    }

    private func readImport(_ node: ConfigNode) throws(ConfigError) -> ImportOptions {
        var kind: ShareKind?
        var source: (account: String, subject: String) = ("", "")
        var (to, prefix): (String?, String?)
        var (shares, allowsTrace) = (false, false)
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "stream", "service":
                if let kind { throw node.failure("Detected \(key) but already saw a \(kind.rawValue)") }
                kind = key == "stream" ? .stream : .service
                source = try self.source(node)
            case "prefix": prefix = try node.optionalString()
            case "to": to = try node.optionalString()
            case "share": shares = try node.boolean()
            case "allow_trace", "allow_msg_trace": allowsTrace = try node.boolean()
            default: return false
            }
            return true
        }
        guard let kind else { throw node.failure("Import Items should define a stream or a service") }
        if to != nil && prefix != nil {
            throw node.failure("import can not have a 'prefix' and a 'to' property")
        }
        if kind == .service && prefix != nil { throw node.failure("a prefix is for imports of streams") }
        var options = ImportOptions(kind: kind, account: source.account, subject: source.subject)
        options.to = to
        options.prefix = prefix
        options.shares = shares
        options.allowsTrace = allowsTrace
        return options
    }

    /// `{account: A, subject: "orders.>"}`
    private func source(_ node: ConfigNode) throws(ConfigError) -> (account: String, subject: String) {
        var (account, subject): (String?, String?)
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "account": account = try node.string()
            case "subject": subject = try node.string()
            default: return false
            }
            return true
        }
        guard let account, !account.isEmpty, let subject, SubjectShape.isFilter(subject) else {
            throw node.failure("Expect an account name and a subject")
        }
        return (account, subject)
    }
}
