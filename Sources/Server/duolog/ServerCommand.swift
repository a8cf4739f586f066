import ArgumentParser

/// The flags, as nats-server has them: with one dash or two, the value behind `=` or as the next argument.
struct ServerCommand: ParsableArguments {
    @Option(name: .goFlag("a", "addr", "net"), parsing: .unconditional, help: "Bind to this address.")
    var address = "0.0.0.0"

    @Option(
        name: .goFlag("p", "port"), parsing: .unconditional,
        help: "Port for NATS clients; -1 takes a free one.")
    var port = 4222

    @Option(
        name: .goFlag("kafka_port"), parsing: .unconditional,
        help: "Port for Kafka clients; -1 takes a free one. (default: 9092)")
    var kafkaPort: Int?

    @Option(
        name: .goFlag("kafka_advertise"), parsing: .unconditional,
        help: "host:port that Kafka clients are told to connect to. (default: the address they came by)")
    var kafkaAdvertise: String?

    @Option(
        name: .goFlag("m", "http_port"), parsing: .unconditional,
        help: "Port for HTTP monitoring; -1 takes a free one. (default: 8222)")
    var monitoringPort: Int?

    @Option(
        name: .goFlag("sd", "store_dir"), parsing: .unconditional,
        help: "Data folder. (default: ./data)")
    var storeDirectory: String?

    @Flag(name: .goFlag("js", "jetstream"), help: "Enable JetStream. (always on as duolog)")
    var jetStream = false

    @Option(name: .goFlag("n", "name", "server_name"), parsing: .unconditional, help: "Server name.")
    var serverName: String?

    @Option(
        name: .goFlag("c", "config"), parsing: .unconditional, help: "Configuration file.")
    var configurationFile: String?

    @Option(name: .goFlag("P", "pid"), parsing: .unconditional, help: "File to write the process id to.")
    var pidFile: String?

    @Option(
        name: .goFlag("ports_file_dir"), parsing: .unconditional,
        help: "Folder for a file <program>_<pid>.ports that says where the server listens.")
    var portsFileDirectory: String?

    @Option(name: .goFlag("l", "log"), parsing: .unconditional, help: "File to log to.")
    var logFile: String?

    @Flag(name: .goFlag("D", "debug"), help: "Log debugging lines.")
    var debug = false

    @Flag(name: .goFlag("V", "trace"), help: "Log what clients send.")
    var trace = false

    @Flag(name: .goFlag("DV"), help: "Both.")
    var debugAndTrace = false

    @Flag(name: .goFlag("v", "version"), help: "Print the version and exit.")
    var version = false
}

extension NameSpecification {
    /// Go's flag package takes every name with one dash or two.
    static func goFlag(_ names: String...) -> NameSpecification {
        var elements: [Element] = []
        for name in names {
            if name.count == 1 {
                elements.append(.customShort(Character(name)))
            } else {
                elements.append(.customLong(name, withSingleDash: true))
            }
            elements.append(.customLong(name))
        }
        return NameSpecification(elements)
    }
}
