/// Give topics more partitions; `count` is the new total.
public struct CreatePartitionsRequest: KafkaRequest {
    public static var api: APIKey { .createPartitions }

    public var topics: [CreatePartitionsTopic] = []
    public var timeoutMs: Int32 = 0
    public var validateOnly: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Topics", &topics)
        try w.field("TimeoutMs", &timeoutMs)
        try w.field("ValidateOnly", &validateOnly)
    }

    public struct CreatePartitionsTopic: KafkaStruct {
        public var name: String = ""
        public var count: Int32 = 0
        public var assignments: [CreatePartitionsAssignment]?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Count", &count)
            try w.field("Assignments", &assignments)
        }
    }

    public struct CreatePartitionsAssignment: KafkaStruct {
        public var brokerIds: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("BrokerIds", &brokerIds)
        }
    }
}

/// The answer to ``CreatePartitionsRequest``.
public struct CreatePartitionsResponse: KafkaResponse {
    public static var api: APIKey { .createPartitions }

    public var throttleTimeMs: Int32 = 0
    public var results: [CreatePartitionsTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Results", &results)
    }

    public struct CreatePartitionsTopicResult: KafkaStruct {
        public var name: String = ""
        public var errorCode: KafkaError = .none
        public var errorMessage: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("ErrorCode", &errorCode)
            try w.field("ErrorMessage", &errorMessage)
        }
    }
}
