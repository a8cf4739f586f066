import Model
import Monitoring
import NATSService
import Platform
import ServerConfig

extension ServerFacts {
    /// What is known once the ports are open.
    init(
        _ configuration: LoadedConfiguration, _ nats: NATSService, start: Timestamp, kafkaPort: Int?, dataFolder: String?,
        loopCount: Int
    ) {
        self.init(options: nats.options, start: start)
        let options = configuration.options
        version = ServerVersion.duolog
        natsPort = nats.port
        self.kafkaPort = kafkaPort
        httpHost = options.monitoring.host ?? options.host
        httpBasePath = options.monitoring.basePath
        tlsRequired = options.tls != nil && !options.allowsPlainClients
        tlsVerify = options.tls?.verifiesClients == true
        tlsTimeout = Double(options.tls?.timeoutNanoseconds ?? 2_000_000_000) / 1e9
        systemAccount = options.systemAccount ?? "$SYS"
        coreCount = Machine.coreCount
        self.loopCount = loopCount
        take(configuration)
        guard let settings = options.jetStream, let folder = dataFolder else { return }
        // As nats-server does where nothing was said: three quarters of what there is.
        var facts = JetStreamFacts(
            maximumMemory: settings.maximumMemory ?? Machine.memoryByteCount / 4 * 3,
            maximumStorage: settings.maximumStorage ?? Machine.freeByteCount(at: folder) / 4 * 3, folder: folder)
        facts.domain = settings.domain ?? ""
        facts.syncInterval = settings.syncIntervalNanoseconds
        jetStream = facts
    }

    /// What a reload may change.
    mutating func take(_ configuration: LoadedConfiguration) {
        let options = configuration.options
        authRequired = options.asksForCredentials
        authTimeout = Double(options.authorization?.timeoutNanoseconds ?? 2_000_000_000) / 1e9
        tags = options.serverTags
        configDigest = configuration.file == nil ? "" : Digest.sha256(configuration.digestText)
    }
}

extension ServerOptions {
    /// Whether a client has to say who it is.
    fileprivate var asksForCredentials: Bool {
        let users = (authorization?.users ?? []) + accounts.flatMap(\.users)
        let single = authorization?.user ?? authorization?.token
        return noAuthUser == nil && (single != nil || !users.isEmpty || !operators.isEmpty || !trustedKeys.isEmpty)
    }
}
