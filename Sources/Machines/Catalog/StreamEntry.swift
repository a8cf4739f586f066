import JSON
import Model

/// Which stream of this data folder. Never given out twice.
public struct StreamID: Hashable, Comparable, Sendable {
    public var value: UInt32

    public init(_ value: UInt32) { self.value = value }
    public static func < (left: StreamID, right: StreamID) -> Bool { left.value < right.value }
}

/// What the catalog knows of one stream: a JetStream stream, a Kafka topic, or rather both at once.
public struct StreamEntry: Sendable {
    /// Whose words made it. The other protocol sees it under the rules of ``StreamNaming``.
    public enum Origin: String, Sendable {
        case jetStream = "jetstream"
        case kafka
    }

    public let id: StreamID
    /// Which account's subjects it captures, and who sees it.
    public let account: String
    public let origin: Origin
    /// As it was given: the JetStream stream name or the Kafka topic name.
    public let name: String
    public let topicID: TopicID
    public let created: Timestamp
    /// What all its subjects begin with; fixed, as stored keys depend on it. Empty where they share nothing.
    public let keyPrefix: String
    /// Whether it belongs to the account that Kafka sees.
    let isInKafka: Bool
    /// The subjects whose publishes it captures.
    public internal(set) var subjects: [String]
    /// One for each partition, in their order.
    public internal(set) var logs: [LogID]
    /// The JetStream configuration as JSON; an empty object for a topic nobody has configured that way.
    public internal(set) var streamConfig: JSONValue
    /// What was set of Kafka's topic configuration; the rest has its default.
    public internal(set) var topicConfig: [String: String]

    public var partitionCount: Int { logs.count }
    /// Whether somebody has given it a configuration of JetStream's.
    public var isConfiguredByJetStream: Bool { streamConfig.object?.isEmpty == false }

    /// The topic's name in Kafka; nil where the name is not legal there, or where Kafka does not
    /// see the account.
    public var topicName: String? {
        isInKafka && StreamNaming.isLegalTopicName(name) ? name : nil
    }

    /// What JetStream calls the log of `partition`.
    public func streamName(ofPartition partition: Int) -> String {
        switch origin {
        case .jetStream: name
        case .kafka: StreamNaming.streamName(topic: name, partition: partition, of: logs.count)
        }
    }
}

/// What the catalog knows of one JetStream consumer.
public struct ConsumerEntry: Sendable {
    public let log: LogID
    public let name: String
    public let created: Timestamp
    public internal(set) var config: JSONValue
}
