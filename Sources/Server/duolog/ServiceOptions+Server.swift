import Accounts
import Broker
import KafkaService
import NATSService
import ServerConfig
import Transport

// What the services are told, out of what the operator decided.

extension NATSServerOptions {
    /// - Throws: `TLSError`, where a certificate cannot be used, `AccountFault` or `ServerFailure`.
    init(_ options: ServerOptions) throws {
        self.init()
        tls = try options.tls.map { try TLSPlan($0, allowsPlain: options.allowsPlainClients) }
        webSocket = try options.webSocket.map { try WebSocketListenerOptions($0) }
        host = options.host
        // nats-server takes 0 for its usual port, and -1 for any.
        port = options.port == 0 ? 4222 : max(0, options.port)
        serverName = options.serverName ?? ""
        version = ServerVersion.nats
        jetStream = options.jetStream != nil
        domain = options.jetStream?.domain ?? ""
        systemAccount = try AccountDirectory(options).systemAccount
        tags = options.serverTags
        metadata = options.serverMetadata
        clientAdvertise = options.clientAdvertise ?? ""
        let limits = options.limits
        maximumPayload = limits.maximumPayload
        maximumControlLine = limits.maximumControlLine
        maximumPending = limits.maximumPending
        maximumConnections = limits.maximumConnections < 0 ? Int.max : limits.maximumConnections
        maximumSubscriptions = limits.maximumSubscriptions
        maximumSubscriptionTokens = limits.maximumSubscriptionTokens
        maximumClosedClients = limits.maximumClosedClients
        pingIntervalNanoseconds = limits.pingIntervalNanoseconds
        maximumPingsOut = limits.maximumPingsOut
        writeDeadlineNanoseconds = limits.writeDeadlineNanoseconds
        noFastProducerStall = limits.neverStallsProducers
        lameDuckDurationNanoseconds = options.lameDuck.durationNanoseconds
        lameDuckGraceNanoseconds = options.lameDuck.gracePeriodNanoseconds
    }
}

extension BrokerOptions {
    init(_ options: ServerOptions) {
        self.init()
        streamSyncNanoseconds = options.jetStream?.syncIntervalNanoseconds
        guard let kafka = options.kafka else { return }
        kafkaAccount = kafka.account
        topicSubjectPrefix = kafka.topicSubjectPrefix
        defaultPartitionCount = kafka.defaultPartitionCount
        createsTopicsOnDemand = kafka.createsTopicsOnDemand
        batchByteLimit = kafka.maximumBatchBytes
        compactionPauseMilliseconds = Int(kafka.compactionPauseNanoseconds / 1_000_000)
        initialRebalanceDelayMilliseconds = Int(kafka.initialRebalanceDelayNanoseconds / 1_000_000)
    }
}

extension KafkaServiceOptions {
    init(_ options: KafkaOptions) {
        self.init()
        nodeID = options.nodeID
        advertisedHost = options.advertisedHost
        advertisedPort = options.advertisedPort
        requestByteLimit = options.maximumRequestBytes
        fetchByteLimit = options.maximumFetchBytes
        idleMilliseconds = options.maximumIdleNanoseconds / 1_000_000
    }
}
