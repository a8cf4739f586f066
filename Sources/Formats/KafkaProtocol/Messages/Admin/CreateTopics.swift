public import Model

/// Create topics. From version 4 a count of -1 stands for the broker's default.
public struct CreateTopicsRequest: KafkaRequest {
    public static var api: APIKey { .createTopics }

    public var topics: [CreatableTopic] = []
    public var timeoutMs: Int32 = 60000
    public var validateOnly: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Topics", &topics)
        try w.field("timeoutMs", &timeoutMs)
        try w.field("validateOnly", &validateOnly)
    }

    public struct CreatableTopic: KafkaStruct {
        public var name: String = ""
        public var numPartitions: Int32 = 0
        public var replicationFactor: Int16 = 0
        public var assignments: [CreatableReplicaAssignment] = []
        public var configs: [CreatableTopicConfig] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("NumPartitions", &numPartitions)
            try w.field("ReplicationFactor", &replicationFactor)
            try w.field("Assignments", &assignments)
            try w.field("Configs", &configs)
        }
    }

    public struct CreatableReplicaAssignment: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var brokerIds: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("BrokerIds", &brokerIds)
        }
    }

    public struct CreatableTopicConfig: KafkaStruct {
        public var name: String = ""
        public var value: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Value", &value)
        }
    }
}

/// The answer to ``CreateTopicsRequest``.
public struct CreateTopicsResponse: KafkaResponse {
    public static var api: APIKey { .createTopics }

    public var throttleTimeMs: Int32 = 0
    public var topics: [CreatableTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Topics", &topics)
    }

    public struct CreatableTopicResult: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var errorCode: KafkaError = .none
        public var errorMessage: String?
        public var topicConfigErrorCode: KafkaError = .none
        public var numPartitions: Int32 = -1
        public var replicationFactor: Int16 = -1
        public var configs: [CreatableTopicConfigs]?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            if w.version >= 7 {
                try w.field("TopicId", &topicId)
            }
            try w.field("ErrorCode", &errorCode)
            try w.field("ErrorMessage", &errorMessage)
            if w.version >= 5 {
                try w.field("NumPartitions", &numPartitions)
                try w.field("ReplicationFactor", &replicationFactor)
                try w.field("Configs", &configs)
            }
        }

        public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.tagged(0, "TopicConfigErrorCode", &topicConfigErrorCode, default: .none)
        }
    }

    public struct CreatableTopicConfigs: KafkaStruct {
        public var name: String = ""
        public var value: String?
        public var readOnly: Bool = false
        public var configSource: Int8 = -1
        public var isSensitive: Bool = false

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Value", &value)
            try w.field("ReadOnly", &readOnly)
            try w.field("ConfigSource", &configSource)
            try w.field("IsSensitive", &isSensitive)
        }
    }
}
