/// All that an operator decides about a server, whether in the configuration file or by flags, with
/// nats-server's defaults. Plain values: nobody behind this point parses configuration.
///
/// Ports: -1 takes a free one. An empty list means that nothing was said.
///
/// Source: nats-server 2.15, the options of one server.
public struct ServerOptions: Sendable, Equatable {
    // MARK: The client port

    public var host = "0.0.0.0"
    public var port = 4222
    /// `host:port` that INFO names in `connect_urls` in place of the addresses of this machine.
    public var clientAdvertise: String?
    /// Nil: the server's id.
    public var serverName: String?
    public var serverTags: [String] = []
    public var serverMetadata: [String: String] = [:]
    /// TLS on the client port; nil for none.
    public var tls: TLSOptions?
    /// Whether clients without TLS may connect although there is TLS.
    public var allowsPlainClients = false
    /// False: headers are refused, and INFO says so.
    public var supportsHeaders = true

    // MARK: Other ports

    public var webSocket: WebSocketOptions?
    public var monitoring = MonitoringOptions()
    /// Nil: no Kafka.
    public var kafka: KafkaOptions?

    // MARK: Limits, times and log

    public var limits = LimitOptions()
    public var lameDuck = LameDuckOptions()
    public var logging = LoggingOptions()
    public var pidFile: String?
    public var portsFileDirectory: String?

    // MARK: Who may do what

    /// Users of the default account, or one user or token for everybody; nil where all may connect.
    public var authorization: AuthorizationOptions?
    public var accounts: [AccountOptions] = []
    /// The user that a client is which brings no credentials.
    public var noAuthUser: String?
    /// Nil: `$SYS`.
    public var systemAccount: String?
    /// True: there is no system account unless one is named.
    public var noSystemAccount = false
    /// Subject mappings of the default account `$G`.
    public var mappings: [MappingOptions] = []

    // MARK: Operator mode

    /// The operators' JWTs themselves, also where the file named other files. Not empty: operator mode.
    public var operators: [String] = []
    public var resolver: ResolverOptions?
    public var resolverPreload: [PreloadedAccount] = []
    /// Operators' public keys, where there is no operator JWT.
    public var trustedKeys: [String] = []
    /// The bearer JWT of the user that a client is which brings none.
    public var defaultSentinel: String?
    /// Accounts that no operator may take away; connections to others count as failures.
    public var resolverPinnedAccounts: [String] = []

    // MARK: Streams

    /// Nil: no JetStream.
    public var jetStream: JetStreamOptions?
    /// Where everything is kept, unless the `jetstream` block says otherwise. Nil: the program's default.
    public var storeDirectory: String?

    public init() {}
}
