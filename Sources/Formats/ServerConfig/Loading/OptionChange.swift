/// One option that a reload would change.
public struct OptionChange: Sendable, Equatable {
    /// As the file calls it.
    public var name: String
    /// Whether a running server takes the new value.
    public var isReloadable: Bool
}

extension ServerOptions {
    /// What is different in `new`, which is all taken or, if one change is not reloadable, not at all.
    ///
    /// Source: nats-server 2.15, the options that SIGHUP reloads.
    public func changes(to new: ServerOptions) -> [OptionChange] {
        OptionField.all.compactMap { field in
            field.isEqual(self, new) ? nil : OptionChange(name: field.name, isReloadable: field.isReloadable(self, new))
        }
    }
}

private struct OptionField: Sendable {
    let name: String
    let isEqual: @Sendable (ServerOptions, ServerOptions) -> Bool
    let isReloadable: @Sendable (ServerOptions, ServerOptions) -> Bool

    init<Value: Equatable & SendableMetatype>(
        _ name: String, _ value: @escaping @Sendable (ServerOptions) -> Value,
        reloadable: @escaping @Sendable (ServerOptions, ServerOptions) -> Bool
    ) {
        self.name = name
        isEqual = { value($0) == value($1) }
        isReloadable = reloadable
    }

    private static func taken<Value: Equatable & SendableMetatype>(
        _ name: String, _ value: @escaping @Sendable (ServerOptions) -> Value
    ) -> OptionField {
        OptionField(name, value) { _, _ in true }
    }

    private static func fixed<Value: Equatable & SendableMetatype>(
        _ name: String, _ value: @escaping @Sendable (ServerOptions) -> Value
    ) -> OptionField {
        OptionField(name, value) { _, _ in false }
    }

    static let all: [OptionField] = [
        fixed("host", \.host), fixed("port", \.port), fixed("server_name", \.serverName),
        taken("client_advertise", \.clientAdvertise), taken("server_tags", \.serverTags),
        taken("server_metadata", \.serverMetadata),
        OptionField("tls", \.tls) { old, new in (old.tls == nil) == (new.tls == nil) },
        fixed("allow_non_tls", \.allowsPlainClients), fixed("no_header_support", \.supportsHeaders),
        fixed("websocket", \.webSocket), fixed("http", \.monitoring), fixed("kafka", \.kafka),
        taken("max_payload", \.limits.maximumPayload), taken("max_control_line", \.limits.maximumControlLine),
        taken("max_connections", \.limits.maximumConnections), taken("ping_interval", \.limits.pingIntervalNanoseconds),
        taken("ping_max", \.limits.maximumPingsOut), taken("write_deadline", \.limits.writeDeadlineNanoseconds),
        taken("no_fast_producer_stall", \.limits.neverStallsProducers),
        fixed("max_pending", \.limits.maximumPending), fixed("max_subscriptions", \.limits.maximumSubscriptions),
        fixed("max_sub_tokens", \.limits.maximumSubscriptionTokens),
        fixed("max_closed_clients", \.limits.maximumClosedClients), fixed("write_timeout", \.limits.writeTimeoutPolicy),
        fixed("lame_duck_duration", \.lameDuck.durationNanoseconds),
        fixed("lame_duck_grace_period", \.lameDuck.gracePeriodNanoseconds),
        taken("debug", \.logging.debug), taken("trace", \.logging.trace),
        taken("trace_verbose", \.logging.traceVerbose), taken("trace_headers", \.logging.traceHeaders),
        taken("logtime", \.logging.showsTime), taken("logtime_utc", \.logging.usesUTC), taken("log_file", \.logging.file),
        taken("max_traced_msg_len", \.logging.maximumTracedBytes),
        taken("connect_error_reports", \.logging.connectErrorReports),
        taken("reconnect_error_reports", \.logging.reconnectErrorReports),
        fixed("logfile_size_limit", \.logging.fileSizeLimit), fixed("logfile_max_num", \.logging.maximumFileCount),
        taken("pid_file", \.pidFile), taken("ports_file_dir", \.portsFileDirectory),
        taken("authorization", \.authorization), taken("accounts", \.accounts), taken("mappings", \.mappings),
        OptionField("no_auth_user", \.noAuthUser) { _, new in new.noAuthUser == nil },
        fixed("system_account", \.systemAccount), fixed("no_system_account", \.noSystemAccount),
        fixed("operator", \.operators), fixed("resolver", \.resolver), taken("resolver_preload", \.resolverPreload),
        fixed("trusted_keys", \.trustedKeys), fixed("default_sentinel", \.defaultSentinel),
        taken("resolver_pinned_accounts", \.resolverPinnedAccounts), fixed("store_dir", \.storeDirectory),
        OptionField("jetstream", \.jetStream) { old, new in old.canReloadJetStream(to: new) },
    ]
}

extension ServerOptions {
    /// Its limits may grow; nothing else.
    fileprivate func canReloadJetStream(to new: ServerOptions) -> Bool {
        guard let old = jetStream, var new = new.jetStream else { return false }
        func grows(_ old: Int64?, _ new: Int64?) -> Bool { (new ?? .max) >= (old ?? .max) }
        let isGrowth = grows(old.maximumMemory, new.maximumMemory) && grows(old.maximumStorage, new.maximumStorage)
        new.maximumMemory = old.maximumMemory
        new.maximumStorage = old.maximumStorage
        return isGrowth && old == new
    }
}
