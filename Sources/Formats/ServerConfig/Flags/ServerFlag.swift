/// All flags, in the groups of the help. Those of nats-server are spelled as there; those about Kafka are of this server.
///
/// Source: nats-server 2.15, `--help`.
enum ServerFlag {
    struct Group: Sendable {
        let title: String
        let flags: [Flag]
    }

    static let groups = [essential, server, jetStreamAndKafka, logging, authorization, tls, common, elsewhere]

    private static let essential = Group(
        title: "The five that matter",
        flags: [
            Flag("p", "port", takes: "port", help: "NATS clients; -1 takes a free port (default: 4222)",
                .integer { $0.port = $1 }),
            Flag("kafka_port", takes: "port", help: "Kafka clients (default: 9092; as nats-server: none)",
                .integer { $0.kafkaPort = $1 }),
            Flag("m", "http_port", takes: "port", help: "Monitoring over HTTP (default: 8222; as nats-server: none)",
                .integer { $0.monitoringPort = $1 }),
            Flag("sd", "store_dir", takes: "dir", help: "Where everything is kept (default: ./data)",
                .text { $0.storeDirectory = $1 }),
            Flag("c", "config", takes: "file", help: "Configuration file; flags go before it",
                .text { $0.configurationFile = $1 }),
        ])

    private static let server = Group(
        title: "Server",
        flags: [
            Flag("a", "addr", "net", takes: "host", help: "Listen on this address (default: 0.0.0.0)",
                .text { $0.address = $1 }),
            Flag("n", "name", "server_name", takes: "name", help: "Server name (default: its id)",
                .text { $0.serverName = $1 }),
            Flag("client_advertise", takes: "host:port", help: "The address that clients are told of",
                .text { $0.clientAdvertise = $1 }),
            Flag("ms", "https_port", takes: "port", help: "Monitoring over HTTPS", .integer { $0.monitoringHTTPSPort = $1 }),
            Flag("P", "pid", takes: "file", help: "File to write the process id to", .text { $0.pidFile = $1 }),
            Flag("ports_file_dir", takes: "dir", help: "Folder for <program>_<pid>.ports, which says where the server listens",
                .text { $0.portsFileDirectory = $1 }),
            Flag("t", help: "Test the configuration file and exit", .boolean { $0.testsConfiguration = $1 }),
            Flag("sl", "signal", takes: "signal[=pid]",
                help: "Send a signal to a running server: ldm, stop, quit, term, reopen, reload. In place of a process id, the"
                    + " path of a file that holds one",
                .text { $0.signalText = $1 }),
        ])

    private static let jetStreamAndKafka = Group(
        title: "JetStream and Kafka",
        flags: [
            Flag("js", "jetstream", help: "Enable JetStream (always on as duolog)", .boolean { $0.jetStream = $1 }),
            Flag("kafka_advertise", takes: "host:port",
                help: "What Kafka clients are told to connect to (default: the address that they came by)",
                .text { $0.kafkaAdvertise = $1 }),
        ])

    private static let logging = Group(
        title: "Log",
        flags: [
            Flag("l", "log", takes: "file", help: "Log to this file (default: standard error)", .text { $0.logFile = $1 }),
            Flag("log_size_limit", takes: "bytes", help: "Begin a new log file at this size (default: never)",
                .integer { $0.logFileSizeLimit = $1 }),
            Flag("T", "logtime", help: "Begin lines with the time (default: true)", .boolean { $0.showsTime = $1 }),
            Flag("logtime_utc", help: "The time is UTC (default: false)", .boolean { $0.usesUTC = $1 }),
            Flag("D", "debug", help: "Log more", .boolean { $0.debug = $1 }),
            Flag("V", "trace", help: "Log what clients send", .boolean { $0.trace = $1 }),
            Flag("VV", help: "Log what clients of the system account send, too",
                .boolean { ($0.trace, $0.traceVerbose) = ($1, $1) }),
            Flag("DV", help: "-D and -V", .boolean { ($0.debug, $0.trace) = ($1, $1) }),
            Flag("DVV", help: "-D and -VV", .boolean { ($0.debug, $0.trace, $0.traceVerbose) = ($1, $1, $1) }),
            Flag("max_traced_msg_len", takes: "bytes", help: "How much of a message -V shows (default: all)",
                .integer { $0.maximumTracedBytes = $1 }),
        ])

    private static let authorization = Group(
        title: "Who may connect",
        flags: [
            Flag("user", takes: "user", help: "User that all clients must be", .text { $0.user = $1 }),
            Flag("pass", takes: "password", help: "Password of that user", .text { $0.password = $1 }),
            Flag("auth", takes: "token", help: "Token that all clients must have", .text { $0.token = $1 }),
        ])

    private static let tls = Group(
        title: "TLS",
        flags: [
            Flag("tls", help: "Enable TLS, do not verify clients", .boolean { $0.tls = $1 }),
            Flag("tlscert", takes: "file", help: "Server certificate", .text { $0.tlsCertificate = $1 }),
            Flag("tlskey", takes: "file", help: "Key of the server certificate", .text { $0.tlsKey = $1 }),
            Flag("tlsverify", help: "Enable TLS, verify clients", .boolean { $0.tlsVerify = $1 }),
            Flag("tlscacert", takes: "file", help: "Authority of client certificates", .text { $0.tlsAuthority = $1 }),
        ])

    private static let common = Group(
        title: "Common",
        flags: [
            Flag("h", "help", "help_tls", help: "Show this", .boolean { $0.wantsHelp = $1 }),
            Flag("v", "version", help: "Show the version", .boolean { $0.wantsVersion = $1 }),
        ])

    /// Flags of nats-server that are recognised, and refused.
    private static let elsewhere = Group(
        title: "",
        flags: [
            Flag("cluster", "cluster_listen", takes: "url", help: "this server runs alone", .refused(takesValue: true)),
            Flag("cluster_name", takes: "name", help: "this server runs alone", .refused(takesValue: true)),
            Flag("cluster_advertise", takes: "url", help: "this server runs alone", .refused(takesValue: true)),
            Flag("routes", takes: "urls", help: "this server runs alone", .refused(takesValue: true)),
            Flag("connect_retries", takes: "n", help: "this server runs alone", .refused(takesValue: true)),
            Flag("no_advertise", help: "this server runs alone", .refused(takesValue: false)),
            Flag("s", "syslog", help: "log to a file with -l", .refused(takesValue: false)),
            Flag("r", "remote_syslog", takes: "addr", help: "log to a file with -l", .refused(takesValue: true)),
            Flag("profile", takes: "port", help: "there is no profiling port", .refused(takesValue: true)),
        ])
}

extension ServerFlags {
    /// What `--help` prints.
    public static func help(program: String) -> String {
        let isNATS = program == "nats-server"
        var lines = ["", "Usage: \(program) [options]"]
        if !isNATS { lines.append("       \(program) log ls|dump|verify <folder>    Look at a data folder") }
        lines.append("")
        for group in ServerFlag.groups where !group.title.isEmpty {
            lines.append("\(group.title):")
            for flag in group.flags {
                let names = flag.names.filter { $0 != "help_tls" }
                    .map { $0.count <= 2 || $0.allSatisfy(\.isUppercase) ? "-\($0)" : "--\($0)" }.joined(separator: ", ")
                let head = "    " + names + (flag.valueName.isEmpty ? "" : " <\(flag.valueName)>")
                let gap = max(2, 36 - head.count)
                lines.append(head + String(repeating: " ", count: gap) + flag.help)
            }
            lines.append("")
        }
        lines.append("Flags take one dash or two, and their value behind \"=\" or as the next argument.")
        if !isNATS { lines.append("Called as nats-server, this program does what nats-server does.") }
        return lines.joined(separator: "\n")
    }

    /// Sets what the command line says, which counts more than the file.
    ///
    /// - Throws: `FlagError` where flags and options do not go together.
    public func apply(to options: inout ServerOptions) throws(FlagError) {
        if let address { options.host = address }
        if let port { options.port = try Self.port(port, "-p") }
        if let serverName { options.serverName = serverName.isEmpty ? nil : serverName }
        if let clientAdvertise { options.clientAdvertise = clientAdvertise }
        if let monitoringPort { options.monitoring.port = try Self.optionalPort(monitoringPort, "-m") }
        if monitoringHTTPSPort != nil && monitoringPort == nil { options.monitoring.port = nil }
        if let monitoringHTTPSPort { options.monitoring.httpsPort = try Self.optionalPort(monitoringHTTPSPort, "-ms") }
        if let pidFile { options.pidFile = pidFile }
        if let portsFileDirectory { options.portsFileDirectory = portsFileDirectory }
        try applyKafka(to: &options)
        if let jetStream { options.jetStream = jetStream ? options.jetStream ?? JetStreamOptions() : nil }
        if let storeDirectory {
            options.storeDirectory = storeDirectory
            options.jetStream?.storeDirectory = nil
        }
        applyLogging(to: &options.logging)
        try applyAuthorization(to: &options)
        try applyTLS(to: &options)
    }

    private static func port(_ port: Int, _ flag: String) throws(FlagError) -> Int {
        guard (-1...65535).contains(port) else {
            throw FlagError("\(flag) \(port): a port is a number up to 65535, or -1")
        }
        return port
    }

    private static func optionalPort(_ port: Int, _ flag: String) throws(FlagError) -> Int? {
        let port = try self.port(port, flag)
        return port == 0 ? nil : port
    }

    private func applyKafka(to options: inout ServerOptions) throws(FlagError) {
        if let kafkaPort {
            if let port = try Self.optionalPort(kafkaPort, "--kafka_port") {
                options.kafka = options.kafka ?? KafkaOptions()
                options.kafka?.port = port
            } else {
                options.kafka = nil
            }
        }
        guard let kafkaAdvertise else { return }
        guard let address = HostAndPort(kafkaAdvertise), !address.host.isEmpty, address.port > 0 else {
            throw FlagError("--kafka_advertise \(kafkaAdvertise): not of the form host:port")
        }
        options.kafka?.advertisedHost = address.host
        options.kafka?.advertisedPort = address.port
    }

    private func applyLogging(to logging: inout LoggingOptions) {
        if let debug { logging.debug = debug }
        if let trace { logging.trace = trace }
        if let traceVerbose { logging.traceVerbose = traceVerbose }
        if let showsTime { logging.showsTime = showsTime }
        if let usesUTC { logging.usesUTC = usesUTC }
        if let logFile { logging.file = logFile.isEmpty ? nil : logFile }
        if let logFileSizeLimit { logging.fileSizeLimit = Int64(max(0, logFileSizeLimit)) }
        if let maximumTracedBytes { logging.maximumTracedBytes = max(0, maximumTracedBytes) }
    }

    private func applyAuthorization(to options: inout ServerOptions) throws(FlagError) {
        guard user != nil || password != nil || token != nil else { return }
        var authorization = options.authorization ?? AuthorizationOptions()
        if let user { (authorization.user, authorization.token) = (user, nil) }
        if let password { authorization.password = password }
        if let token { authorization.token = token }
        if authorization.user != nil && authorization.token != nil {
            if user != nil { throw FlagError("Cannot have a user/pass and token") }
            (authorization.user, authorization.password) = (nil, nil)
        }
        if !authorization.users.isEmpty {
            throw FlagError("Can not have a single user/pass or a token and a users array")
        }
        options.authorization = authorization
    }

    private func applyTLS(to options: inout ServerOptions) throws(FlagError) {
        guard tls == true || tlsVerify == true else { return }
        guard let tlsCertificate else { throw FlagError("TLS Server certificate must be present and valid") }
        guard let tlsKey else { throw FlagError("TLS Server private key must be present and valid") }
        var settings = options.tls ?? TLSOptions()
        settings.certificates = [CertificateFiles(certificateFile: tlsCertificate, keyFile: tlsKey)]
        if let tlsAuthority { settings.authorityFile = tlsAuthority }
        if tlsVerify == true { settings.verifiesClients = true }
        options.tls = settings
    }
}
