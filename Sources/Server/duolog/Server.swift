import Broker
import Glibc
import KafkaService
import Logging
import Model
import Monitoring
import NATSService
import Platform
import ServerConfig
import Storage
import Transport

/// Why the server cannot start, where the error itself does not say what it was about.
struct ServerFailure: Error, CustomStringConvertible {
    var description: String
}

/// The running server: the one place where machines, devices and services are put together.
final class Server {
    let program: Program
    let flags: ServerFlags
    let sink: LogSink
    let log: Logger
    /// What the server runs with now; a reload replaces it.
    var configuration: LoadedConfiguration
    let loops: EventLoopGroup
    let nats: NATSService
    private let dataFolder: String?
    private let start: Timestamp
    private var store: LogStore?
    private var broker: Broker?
    private var jetStream: JetStreamService?
    private var kafka: KafkaService?
    private var kafkaListener: Listener?
    private(set) var reports: ReportService?
    private var monitoring: MonitoringServer?
    private var monitoringRelay: TLSRelay?
    private var portsFile: PortsFile?
    let reloadRequests = ReloadRequests()

    var options: ServerOptions { configuration.options }

    /// Recovers the data folder and opens the ports.
    ///
    /// - Throws: `StorageError`, `TransportError`, `FileFailure`: each says what is in the way. Nothing was changed on the
    ///   disk but what recovery cut off.
    init(
        _ configuration: LoadedConfiguration, flags: ServerFlags, program: Program, sink: LogSink, log: Logger
    ) throws {
        self.configuration = configuration
        self.flags = flags
        self.program = program
        self.sink = sink
        self.log = log
        dataFolder = program.dataFolder(configuration.options)
        if let name = configuration.options.unheeded.first {
            throw ServerFailure(description: "\(name) is not supported yet")
        }
        start = Clock.now()
        log.info("Starting \(program.name)")
        log.info("  Version:  \(ServerVersion.duolog) (NATS \(ServerVersion.nats))")
        loops = try EventLoopGroup(loopCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        nats = NATSService(loops: loops, options: try NATSServerOptions(configuration.options), log: log)
        log.info("  Name:     \(nats.options.serverName)")
        log.info("  ID:       \(nats.options.serverID)")
        if let file = configuration.file {
            log.info("Using configuration file: \(file) (\(Digest.sha256(configuration.digestText)))")
        }
        for warning in configuration.warnings { log.warning("\(warning)") }
        do {
            try open()
        } catch {
            monitoring?.stop()
            loops.stop()
            store?.close()
            throw error
        }
        log.info("Server is ready")
    }

    /// Ports that are taken are found before the first client is let in.
    private func open() throws {
        try recover()
        prepareJetStream()
        try prepareAccounts()
        loops.start()
        try prepareKafka()
        makeReports()
        try monitor()
        try listenForNATS()
        listenForKafka()
        try writePidFile()
        try writePortsFile()
    }

    /// Runs until a signal asks it to end.
    func run(until signals: Signals) {
        while true {
            let signal = signals.next()
            if let name = Signals.name(signal) { log.info("Trapped \"\(name)\" signal") }
            switch signal {
            case SIGINT: return stop()
            case SIGTERM:
                // Whoever asked for a gentle end gets it.
                if !nats.isLameDuck { return stop() }
            case SIGHUP: reload()
            case SIGUSR1: reopenLog()
            case SIGUSR2: nats.enterLameDuck { Signals.end() }
            default: return stop()
            }
        }
    }

    private func stop() {
        log.info("Initiating Shutdown...")
        monitoringRelay?.stop()
        monitoring?.stop()
        nats.stop()
        loops.stop()
        broker?.finish()
        store?.close()
        portsFile?.remove()
        if let file = options.pidFile { unlink(file) }
        log.info("Server Exiting..")
    }

    private func reopenLog() {
        do {
            let isFile = try sink.reopen()
            log.info(isFile ? "File log re-opened" : "File log re-open ignored, not a file logger")
        } catch {
            log.error("Unable to re-open the log file: \(error)")
        }
    }

    // MARK: Parts

    private func recover() throws {
        guard let folder = dataFolder else { return }
        if program.isNATSServer && options.jetStream?.storeDirectory == nil && options.storeDirectory == nil {
            log.warning("Temporary storage directory used, data could be lost on system reboot")
        }
        let store: LogStore
        do { store = try LogStore(directory: folder) } catch {
            throw ServerFailure(description: "cannot use data folder \(folder): \(error)")
        }
        self.store = store
        let broker = Broker(loop: loops.loops[0], store: store, options: BrokerOptions(options), log: log)
        self.broker = broker
        broker.nats = nats.routing
        let summary = try broker.recover()
        for finding in summary.findings { log.warning("\(finding)") }
        let milliseconds = Double(summary.durationNanoseconds / 10_000) / 100
        log.info(
            "Recovered data folder \(folder): \(summary.streamCount) streams, \(summary.recordCount) records, \(summary.byteCount) bytes in \(milliseconds) ms"
        )
    }

    private func prepareJetStream() {
        guard let broker, options.jetStream != nil else { return }
        let jetStream = JetStreamService(broker: broker, nats: nats)
        jetStream.apply(AccountStreamLimits.all(options))
        jetStream.start()
        self.jetStream = jetStream
    }

    private func prepareAccounts() throws {
        takeReloadRequests()
        nats.apply(try AccountRules(options).sharing)
        let (options, home, jetStream) = (options, loops.loops[0], jetStream)
        nats.onAccountsChanged = { found in
            var known = options
            known.accounts += found
            let limits = AccountStreamLimits.all(known)
            if let jetStream { home.post { jetStream.apply(limits) } }
        }
        nats.install(try nats.prepareAccounts(options))
    }

    private func prepareKafka() throws(TransportError) {
        guard let broker, let settings = options.kafka else { return }
        kafkaListener = try Listener(host: settings.host ?? options.host, port: max(0, settings.port))
        kafka = KafkaService(broker: broker, options: KafkaServiceOptions(settings))
    }

    private func listenForNATS() throws {
        try nats.start(inbox: jetStream)
        reports?.facts.natsPort = nats.port
        if let settings = options.webSocket, let port = nats.webSocketPort {
            let scheme = settings.tls == nil ? "ws" : "wss"
            log.info("Listening for websocket clients on \(scheme)://\(settings.host):\(port)")
        }
        log.info("Listening for client connections on \(options.host):\(nats.port)")
        if options.tls != nil && !options.allowsPlainClients { log.info("TLS required for client connections") }
        if let broker { loops.loops[0].post { broker.start() } }
    }

    private func listenForKafka() {
        guard let kafka, let listener = kafkaListener else { return }
        let home = loops.loops[0]
        home.post { kafka.start() }
        listener.start(on: home) { kafka.accept($0) }
        log.info("Listening for Kafka clients on \(listener.host):\(listener.port)")
    }

    /// The reports are there also without a port to ask for them: the system account may.
    private func makeReports() {
        let facts = ServerFacts(
            configuration, nats, start: start, kafkaPort: kafkaListener?.port, dataFolder: dataFolder,
            loopCount: loops.loops.count)
        let reports = ReportService(
            nats: nats, broker: broker, jetStream: jetStream, kafka: kafka, home: loops.loops[0], facts: facts)
        self.reports = reports
        nats.reports = reports
    }

    private func monitor() throws {
        guard let reports else { return }
        let host = options.monitoring.host ?? options.host
        let endpoints = MonitoringEndpoints(reports)
        do {
            if let port = options.monitoring.port {
                let server = try MonitoringServer(host: host, port: max(0, port)) { endpoints.respond(to: $0, $1) }
                monitoring = server
                reports.facts.httpPort = server.port
                log.info("Starting http monitor on \(host):\(server.port)")
            } else if let port = options.monitoring.httpsPort, let tls = options.tls {
                let server = MonitoringServer { endpoints.respond(to: $0, $1) }
                monitoring = server
                let relay = try TLSRelay(
                    host: host, port: max(0, port), tls: try TLSPlan(tls.askingNobody), on: loops.loops[0], to: server)
                monitoringRelay = relay
                reports.facts.httpsPort = relay.port
                log.info("Starting https monitor on \(host):\(relay.port)")
            }
        } catch {
            let port = options.monitoring.port ?? options.monitoring.httpsPort ?? 0
            throw ServerFailure(description: "listen tcp \(host):\(port) for monitoring: \(error)")
        }
    }

    /// Where monitoring answers; nil without it.
    private var monitoringAddress: (scheme: String, port: Int)? {
        if let relay = monitoringRelay { return ("https://", relay.port) }
        return monitoring.map { ("http://", $0.port) }
    }

    /// After ``configuration`` was replaced.
    func reloadJetStream() {
        guard let jetStream else { return }
        let limits = AccountStreamLimits.all(options)
        loops.loops[0].post { jetStream.apply(limits) }
    }

    // MARK: Files

    func writePidFile() throws(FileFailure) {
        guard let path = options.pidFile else { return }
        try SmallFile.write(Array(String(getpid()).utf8), to: path, mode: 0o600)
    }

    func writePortsFile() throws(FileFailure) {
        portsFile?.remove()
        portsFile = nil
        guard let directory = options.portsFileDirectory else { return }
        func address(_ scheme: String, _ host: String, _ port: Int) -> String {
            let host = host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host
            return "\(scheme)\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }
        var webSocket: String?
        if let settings = options.webSocket, let port = nats.webSocketPort {
            webSocket = address(settings.tls == nil ? "ws://" : "wss://", settings.host, port)
        }
        let (monitoringHost, kafkaHost) = (options.monitoring.host, options.kafka?.host)
        portsFile = try PortsFile(
            directory: directory, program: program.name,
            [
                ("nats", [address("nats://", options.host, nats.port)]),
                (
                    "monitoring",
                    monitoringAddress.map { [address($0.scheme, monitoringHost ?? options.host, $0.port)] } ?? []
                ),
                ("websocket", webSocket.map { [$0] } ?? []),
                ("kafka", kafkaListener.map { [address("", kafkaHost ?? options.host, $0.port)] } ?? []),
            ])
    }
}
