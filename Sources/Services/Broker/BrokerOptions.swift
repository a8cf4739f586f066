import Model

/// What the operator decides about streams and topics. Kafka's names where it has one.
public struct BrokerOptions: Sendable {
    /// The account whose streams Kafka sees as topics, and to which new topics belong.
    public var kafkaAccount = "$G"
    /// What the subjects of Kafka-made topics begin with.
    public var topicSubjectPrefix = "kafka"
    /// `num.partitions`: of topics that are created without a count.
    public var defaultPartitionCount = 1
    /// `auto.create.topics.enable`
    public var createsTopicsOnDemand = true
    /// `message.max.bytes`: the largest record batch of topics that set no `max.message.bytes`.
    public var batchByteLimit = 1_048_588
    /// How long a group waits for more members when its first one joins: `group.initial.rebalance.delay.ms`.
    public var initialRebalanceDelayMilliseconds = 0

    /// How long what JetStream streams keep in files may wait for its sync, in nanoseconds: nats-server's `sync_interval`.
    /// Nil: not at all, every acknowledgement waits for the disk.
    public var streamSyncNanoseconds: Int64?
    /// The same for streams with `persist_mode: async`, where that is not set.
    public var asyncSyncNanoseconds: Int64 = 1_000_000_000

    /// How often old records of Kafka topics are looked for: `log.retention.check.interval.ms`.
    public var retentionCheckMilliseconds = 300_000
    /// How long nothing is looked at that could be compacted, and then what is due is done: `log.cleaner.backoff.ms`.
    public var compactionPauseMilliseconds = 15_000
    /// How much is written between two rounds of snapshots at least, in bytes: what a start may have to replay.
    public var snapshotIntervalByteCount = 96 << 20

    public init() {}
}
