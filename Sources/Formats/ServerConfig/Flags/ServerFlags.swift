/// What the command line says. Nil where it says nothing.
public struct ServerFlags: Sendable, Equatable {
    public var address: String?
    public var port: Int?
    public var serverName: String?
    public var clientAdvertise: String?
    public var monitoringPort: Int?
    public var monitoringHTTPSPort: Int?
    public var kafkaPort: Int?
    /// `host:port`
    public var kafkaAdvertise: String?
    public var configurationFile: String?
    public var pidFile: String?
    public var portsFileDirectory: String?

    public var jetStream: Bool?
    public var storeDirectory: String?

    public var logFile: String?
    public var logFileSizeLimit: Int?
    public var showsTime: Bool?
    public var usesUTC: Bool?
    public var debug: Bool?
    public var trace: Bool?
    public var traceVerbose: Bool?
    public var maximumTracedBytes: Int?

    public var user: String?
    public var password: String?
    public var token: String?

    public var tls: Bool?
    public var tlsVerify: Bool?
    public var tlsCertificate: String?
    public var tlsKey: String?
    public var tlsAuthority: String?

    /// Read the configuration, say what is wrong with it, and end.
    public var testsConfiguration = false
    /// Send a signal to a server that runs, and end.
    public var signal: SignalRequest?
    public var wantsVersion = false
    public var wantsHelp = false

    public init() {}

    /// - Parameter arguments: without the name of the program.
    /// - Throws: `FlagError` for what is no flag, or makes no sense.
    public init(_ arguments: [String]) throws(FlagError) {
        let words = try FlagParser(ServerFlag.groups.flatMap(\.flags)).parse(arguments, into: &self)
        if let signalText { signal = try SignalRequest(signalText) }
        for word in words {
            switch word.lowercased() {
            case "version": wantsVersion = true
            case "help": wantsHelp = true
            default:
                if wantsVersion || wantsHelp { continue }
                throw FlagError("unrecognized command: \"\(word)\"")
            }
        }
        if testsConfiguration && configurationFile == nil && !wantsVersion && !wantsHelp {
            throw FlagError("must specify [-c, --config] option to check configuration file syntax")
        }
    }

    /// As it was typed.
    var signalText: String?
}

/// `--signal reload=4711`: which signal goes to which process.
public struct SignalRequest: Sendable, Equatable {
    public enum Command: String, Sendable, Equatable, CaseIterable {
        /// At once, without any care: SIGKILL.
        case stop
        case quit
        case term
        /// Open the log file again, after it was moved away.
        case reopen
        case reload
        /// Lame duck mode: end gently.
        case ldm
    }

    public var command: Command
    /// A process id, or the path of a file that holds one; nil: the one other process of this name.
    public var target: String?

    init(_ text: String) throws(FlagError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let command = Command(rawValue: String(parts[0])) else {
            throw FlagError("unknown signal \"\(parts[0])\"")
        }
        self.command = command
        target = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : nil
    }
}
