import Glibc
import Logging

/// Writes log lines as nats-server does, since tools read them:
///
///     [4711] 2026/11/22 21:45:20.123456 [INF] Server is ready
struct ServerLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    /// Standard error, or the log file that the operator named.
    let descriptor: Int32

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        localtime_r(&time.tv_sec, &parts)
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date =
            "\(parts.tm_year + 1900)/\(padded(parts.tm_mon + 1, 2))/\(padded(parts.tm_mday, 2))"
        let clock =
            "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        let microseconds = padded(time.tv_nsec / 1_000, 6)
        let line =
            "[\(getpid())] \(date) \(clock).\(microseconds) [\(Self.tag(event.level))] \(event.message)\n"
        // One write a line, so that lines of several threads never mix.
        var bytes = Array(line.utf8)
        _ = write(descriptor, &bytes, bytes.count)
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
