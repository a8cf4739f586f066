/// What is logged, and where to.
public struct LoggingOptions: Sendable, Equatable {
    public var debug = false
    /// What clients send, and what they are sent.
    public var trace = false
    /// Trace the system account too.
    public var traceVerbose = false
    /// Trace the headers only, not the payload.
    public var traceHeaders = false
    /// `logtime`: whether lines begin with the time.
    public var showsTime = true
    /// `logtime_utc`
    public var usesUTC = false
    /// Nil: standard error.
    public var file: String?
    /// Bytes after which the log file is put aside and a new one begun; 0 for never.
    public var fileSizeLimit: Int64 = 0
    /// How many files are kept that were put aside; 0 for all.
    public var maximumFileCount = 0
    public var syslog = false
    /// `udp://host:port` of a syslog server.
    public var remoteSyslog: String?
    /// Bytes of a message that the trace shows; 0 for all.
    public var maximumTracedBytes = 0
    /// Of so many failures to connect elsewhere, one is logged.
    public var connectErrorReports = 3600
    public var reconnectErrorReports = 1

    public init() {}
}

/// Where monitoring answers. Ports: nil for none, -1 for a free one.
public struct MonitoringOptions: Sendable, Equatable {
    /// Nil: the host of the client port.
    public var host: String?
    public var port: Int?
    /// With the certificate of ``ServerOptions/tls``.
    public var httpsPort: Int?
    /// `http_base_path`: begins with a slash, and does not end with one; empty for the root.
    public var basePath = ""

    public init() {}
}
