import Glibc
import Logging

/// Writes log lines as nats-server does, since tools read them:
///
///     [4711] 2026/11/22 21:45:20.123456 [INF] Server is ready
struct ServerLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    let sink: LogSink

    init(sink: LogSink) { self.sink = sink }

    /// One for all who log: a reload changes it under them. What is assigned is ignored.
    var logLevel: Logger.Level {
        get { sink.level }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        sink.write(tag: Self.tag(event.level), "\(event.message)")
    }

    private static func tag(_ level: Logger.Level) -> String {
        switch level {
        case .trace: "TRC"
        case .debug: "DBG"
        case .info, .notice: "INF"
        case .warning: "WRN"
        case .error: "ERR"
        case .critical: "FTL"
        }
    }
}
