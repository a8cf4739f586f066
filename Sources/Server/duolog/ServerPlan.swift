import Glibc

/// What is to be started, worked out from the flags and the name that the program was called by.
///
/// As `duolog`, NATS, JetStream, Kafka and monitoring are on. As `nats-server` it does what nats-server would: JetStream
/// with `-js` only, monitoring with `-m` only, and Kafka only where a port is named.
struct ServerPlan: Sendable {
    static let natsProgram = "nats-server"

    var program: String
    var host: String
    var port: Int
    /// Nil: no Kafka.
    var kafkaPort: Int?
    var kafkaAdvertise: (host: String, port: Int)?
    /// Nil: no monitoring.
    var monitoringPort: Int?
    var jetStream: Bool
    /// Nil: nothing is kept.
    var dataFolder: String?
    var serverName: String?
    var pidFile: String?
    var portsFileDirectory: String?
    var loopCount: Int

    /// Why the server cannot start like this.
    struct Refusal: Error, CustomStringConvertible {
        var description: String
    }

    init(_ command: ServerCommand, program: String) throws(Refusal) {
        self.program = program
        let isNATS = program == Self.natsProgram
        if let file = command.configurationFile {
            throw Refusal(description: "\(file): configuration files are not supported yet")
        }
        host = command.address
        port = try Self.port(command.port, "-p") ?? 0
        kafkaPort = try Self.port(command.kafkaPort ?? (isNATS ? nil : 9092), "--kafka_port")
        monitoringPort = try Self.port(command.monitoringPort ?? (isNATS ? nil : 8222), "-m")
        jetStream = command.jetStream || !isNATS
        kafkaAdvertise = try command.kafkaAdvertise.map(Self.endpoint)
        serverName = command.serverName
        pidFile = command.pidFile
        portsFileDirectory = command.portsFileDirectory
        loopCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        if jetStream || kafkaPort != nil {
            dataFolder = command.storeDirectory ?? (isNATS ? Self.temporaryFolder : "./data")
        }
    }

    private static var temporaryFolder: String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        return base + "/nats/jetstream"
    }

    /// -1 means a free one, which the system calls 0.
    private static func port(_ number: Int?, _ flag: String) throws(Refusal) -> Int? {
        guard let number else { return nil }
        if number == -1 { return 0 }
        guard (0...65535).contains(number) else {
            throw Refusal(description: "\(flag) \(number): a port is a number up to 65535, or -1")
        }
        return number
    }

    private static func endpoint(_ text: String) throws(Refusal) -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"), colon > text.startIndex,
            let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port)
        else { throw Refusal(description: "--kafka_advertise \(text): not of the form host:port") }
        return (String(text[..<colon]), port)
    }
}
