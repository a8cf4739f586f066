import Model

/// What the operator decides about streams and topics. Kafka's names where it has one.
public struct BrokerOptions: Sendable {
    /// What the subjects of Kafka-made topics begin with.
    public var topicSubjectPrefix = "kafka"
    /// `num.partitions`: of topics that are created without a count.
    public var defaultPartitionCount = 1
    /// `auto.create.topics.enable`
    public var createsTopicsOnDemand = true
    /// `message.max.bytes`: the largest record batch.
    public var batchByteLimit = 1_048_588
    /// JetStream's largest message; a PUB above it never reaches the broker.
    public var payloadByteLimit = 1_048_576
    /// JetStream's `max_consumers` of a stream that says -1. nats-server 2.15 has the same number.
    public var defaultConsumerLimit = 1_000
    /// Whether the JetStream API answers and streams capture publishes.
    public var jetStreamEnabled = true
    /// How long a group waits for more members when its first one joins: `group.initial.rebalance.delay.ms`.
    public var initialRebalanceDelayMilliseconds = 0

    public init() {}
}
