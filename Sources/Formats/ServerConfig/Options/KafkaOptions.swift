/// The `kafka` block. Beside each setting is the name that Kafka has for it.
public struct KafkaOptions: Sendable, Equatable {
    /// Nil: the host of the client port.
    public var host: String?
    public var port = 9092
    /// `advertised.listeners`: where clients are told to connect; nil: the address that they came by.
    public var advertisedHost: String?
    public var advertisedPort: Int?
    /// The NATS account whose streams are topics.
    public var account = "$G"
    /// `node.id`
    public var nodeID: Int32 = 1
    /// What the subjects of Kafka-made topics begin with.
    public var topicSubjectPrefix = "kafka"
    /// `num.partitions`
    public var defaultPartitionCount = 1
    /// `auto.create.topics.enable`
    public var createsTopicsOnDemand = true
    /// `message.max.bytes`
    public var maximumBatchBytes = 1_048_588
    /// `group.initial.rebalance.delay.ms`
    public var initialRebalanceDelayNanoseconds: Int64 = 0
    /// `log.cleaner.backoff.ms`: how often compaction looks for something to do, of streams and topics alike.
    public var compactionPauseNanoseconds: Int64 = 15_000_000_000
    /// `socket.request.max.bytes`
    public var maximumRequestBytes = 104_857_600
    /// `fetch.max.bytes`
    public var maximumFetchBytes = 57_671_680
    /// `connections.max.idle.ms`
    public var maximumIdleNanoseconds: Int64 = 600_000_000_000

    public init() {}
}
