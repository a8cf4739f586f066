import Broker
import Glibc
import KafkaService
import Logging
import Model
import Monitoring
import NATSService
import Platform
import Storage
import Transport

/// Why the server cannot start, where the error itself does not say what it was about.
struct ServerFailure: Error, CustomStringConvertible {
    var description: String
}

/// The running server: the one place where machines, devices and services are put together.
final class Server {
    private let plan: ServerPlan
    private let log: Logger
    private let start: Timestamp
    private let loops: EventLoopGroup
    private let nats: NATSService
    private var wal: WriteAheadLog?
    private var broker: Broker?
    private var jetStream: JetStreamService?
    private var kafka: KafkaService?
    private var kafkaListener: Listener?
    private var reports: ReportService?
    private var monitoring: MonitoringServer?
    private var portsFile: PortsFile?

    /// Recovers the data folder and opens the ports.
    ///
    /// - Throws: `StorageError`, `TransportError`, `FileFailure`: each says what is in the way. Nothing was changed on the
    ///   disk but what recovery cut off.
    init(_ plan: ServerPlan, log: Logger) throws {
        self.plan = plan
        self.log = log
        start = Clock.now()
        log.info("Starting \(plan.program)")
        log.info("  Version:  \(ServerVersion.duolog) (NATS \(ServerVersion.nats))")
        loops = try EventLoopGroup(loopCount: plan.loopCount)
        nats = NATSService(loops: loops, options: Self.natsOptions(plan), log: log)
        log.info("  Name:     \(nats.options.serverName)")
        log.info("  ID:       \(nats.options.serverID)")
        do {
            try recover()
            loops.start()
            try listen()
            try monitor()
            try writeFiles()
        } catch {
            monitoring?.stop()
            loops.stop()
            wal?.close()
            throw error
        }
        log.info("Server is ready")
    }

    /// Runs until a signal asks it to end.
    func run(until signals: Signals) {
        while true {
            switch signals.next() {
            case SIGINT, SIGTERM:
                stop()
                return
            case SIGHUP: log.warning("There is no configuration file to reload")
            default: continue
            }
        }
    }

    private func stop() {
        log.info("Initiating Shutdown...")
        monitoring?.stop()
        nats.stop()
        loops.stop()
        wal?.close()
        portsFile?.remove()
        if let file = plan.pidFile { unlink(file) }
        log.info("Server Exiting..")
    }

    // MARK: Parts

    private func recover() throws {
        guard let folder = plan.dataFolder else { return }
        let wal: WriteAheadLog
        do { wal = try WriteAheadLog(directory: folder) } catch {
            throw ServerFailure(description: "cannot use data folder \(folder): \(error)")
        }
        self.wal = wal
        let broker = Broker(
            loop: loops.loops[0], wal: wal, options: BrokerOptions(), log: log)
        self.broker = broker
        broker.nats = nats.routing
        let summary = try broker.recover()
        for finding in summary.findings { log.warning("\(finding)") }
        let milliseconds = Double(summary.durationNanoseconds / 10_000) / 100
        log.info(
            "Recovered data folder \(folder): \(summary.streamCount) streams, \(summary.recordCount) records, \(summary.byteCount) bytes in \(milliseconds) ms"
        )
    }

    private func listen() throws {
        let home = loops.loops[0]
        if let broker, plan.jetStream {
            let jetStream = JetStreamService(broker: broker, nats: nats)
            jetStream.start()
            self.jetStream = jetStream
        }
        try nats.start(inbox: jetStream)
        log.info("Listening for client connections on \(plan.host):\(nats.port)")
        if let broker { home.post { broker.start() } }
        if let broker, let port = plan.kafkaPort {
            var options = KafkaServiceOptions()
            options.advertisedHost = plan.kafkaAdvertise?.host
            options.advertisedPort = plan.kafkaAdvertise?.port
            let kafka = KafkaService(broker: broker, options: options)
            let listener = try Listener(host: plan.host, port: port)
            home.post { kafka.start() }
            listener.start(on: home) { kafka.accept($0) }
            self.kafka = kafka
            kafkaListener = listener
            log.info("Listening for Kafka clients on \(plan.host):\(listener.port)")
        }
    }

    /// The reports are there also without a port to ask for them: the system account may.
    private func monitor() throws {
        let reports = ReportService(
            nats: nats, broker: broker, jetStream: jetStream, kafka: kafka, home: loops.loops[0],
            facts: ServerFacts(plan, nats, start: start, kafkaPort: kafkaListener?.port))
        self.reports = reports
        nats.reports = reports
        guard let port = plan.monitoringPort else { return }
        let endpoints = MonitoringEndpoints(reports)
        let server: MonitoringServer
        do {
            server = try MonitoringServer(host: plan.host, port: port) { request, answer in
                endpoints.respond(to: request, answer)
            }
        } catch {
            throw ServerFailure(description: "listen tcp \(plan.host):\(port) for monitoring: \(error)")
        }
        monitoring = server
        reports.facts.httpPort = server.port
        log.info("Starting http monitor on \(plan.host):\(server.port)")
    }

    private func writeFiles() throws {
        if let path = plan.pidFile {
            try SmallFile.write(Array(String(getpid()).utf8), to: path, mode: 0o600)
        }
        guard let directory = plan.portsFileDirectory else { return }
        let host = plan.host == "0.0.0.0" ? "127.0.0.1" : plan.host
        portsFile = try PortsFile(
            directory: directory, program: plan.program, nats: ["nats://\(host):\(nats.port)"],
            monitoring: monitoring.map { ["http://\(host):\($0.port)"] } ?? [], kafka: kafkaListener.map { ["\(host):\($0.port)"] } ?? [])
    }

    private static func natsOptions(_ plan: ServerPlan) -> NATSServerOptions {
        var options = NATSServerOptions()
        options.host = plan.host
        options.port = plan.port
        options.serverName = plan.serverName ?? ""
        options.version = ServerVersion.nats
        options.jetStream = plan.jetStream
        return options
    }
}

extension ServerCommand {
    func makeLog(program: String) -> Logger {
        var descriptor = STDERR_FILENO
        if let path = logFile {
            descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
            if descriptor < 0 { descriptor = STDERR_FILENO }
        }
        let level: Logger.Level =
            trace || debugAndTrace ? .trace : debug ? .debug : .info
        return Logger(label: program) { _ in
            ServerLogHandler(logLevel: level, descriptor: descriptor)
        }
    }
}
