public import Model
public import NATSService

/// What monitoring says of the server that does not change while it runs, or only by a reload.
public struct ServerFacts: Sendable {
    /// Limits, names and versions.
    public var options: NATSServerOptions
    /// The server's own version, beside the one of NATS.
    public var version = ""
    public var natsPort = 0
    public var kafkaPort: Int?
    public var httpHost = ""
    public var httpPort = 0
    public var httpsPort = 0
    /// Empty, or with a slash in front and none at the end.
    public var httpBasePath = ""
    public var authRequired = false
    public var tlsRequired = false
    public var tlsVerify = false
    /// In seconds.
    public var authTimeout = 2.0
    public var tlsTimeout = 2.0
    public var systemAccount = "$SYS"
    public var tags: [String] = []
    public var start: Timestamp
    public var configLoad: Timestamp
    /// `sha256:…` of the configuration file; empty without one.
    public var configDigest = ""
    public var coreCount = 1
    public var loopCount = 1
    /// Nil without JetStream.
    public var jetStream: JetStreamFacts?

    public struct JetStreamFacts: Sendable {
        public var maximumMemory: Int64
        public var maximumStorage: Int64
        public var folder: String
        public var domain = ""
        /// How long file streams may put off their syncs, in nanoseconds; nil: acknowledgements wait for the disk.
        public var syncInterval: Int64?

        public init(maximumMemory: Int64, maximumStorage: Int64, folder: String) {
            self.maximumMemory = maximumMemory
            self.maximumStorage = maximumStorage
            self.folder = folder
        }
    }

    public init(options: NATSServerOptions, start: Timestamp) {
        self.options = options
        self.start = start
        configLoad = start
    }
}
