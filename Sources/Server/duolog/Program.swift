import Glibc
import ServerConfig

/// What this program is, by the name that it was called by.
///
/// As `duolog`, NATS, JetStream, Kafka and monitoring are on. As `nats-server` it does what nats-server would: JetStream
/// with `-js` or a `jetstream` block, monitoring where a port is named, and Kafka only where it is asked for.
struct Program: Sendable {
    let name: String

    init(path: String) {
        name = path.split(separator: "/").last.map(String.init) ?? "duolog"
    }

    var isNATSServer: Bool { name == "nats-server" }

    /// What the server is without a word from the operator.
    var defaults: ServerOptions {
        var options = ServerOptions()
        guard !isNATSServer else { return options }
        options.jetStream = JetStreamOptions()
        options.kafka = KafkaOptions()
        options.monitoring.port = 8222
        return options
    }

    /// Where everything is kept; nil where nothing is.
    func dataFolder(_ options: ServerOptions) -> String? {
        guard options.jetStream != nil || options.kafka != nil else { return nil }
        if let folder = options.jetStream?.storeDirectory ?? options.storeDirectory { return folder }
        guard isNATSServer else { return "./data" }
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        return base + "/nats/jetstream"
    }

    /// What `-v` prints.
    var versionLine: String {
        isNATSServer ? "nats-server: v\(ServerVersion.nats)" : "duolog: v\(ServerVersion.duolog)"
    }

    /// Says what is wrong and ends with code 1.
    func fail(_ message: String) -> Never {
        SmallFile.writeToStandardError("\(name): \(message)\n")
        exit(1)
    }
}
