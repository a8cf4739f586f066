/// Where did the leader of this epoch stop writing? Tells a reader whether its log was cut.
/// Source: KIP-320.
public struct OffsetForLeaderEpochRequest: KafkaRequest {
    public static var api: APIKey { .offsetForLeaderEpoch }

    public var replicaId: Int32 = -2
    public var topics: [OffsetForLeaderTopic] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 3 {
            try w.field("ReplicaId", &replicaId)
        }
        try w.field("Topics", &topics)
    }

    public struct OffsetForLeaderTopic: KafkaStruct {
        public var topic: String = ""
        public var partitions: [OffsetForLeaderPartition] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Topic", &topic)
            try w.field("Partitions", &partitions)
        }
    }

    public struct OffsetForLeaderPartition: KafkaStruct {
        public var partition: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var leaderEpoch: Int32 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Partition", &partition)
            try w.field("CurrentLeaderEpoch", &currentLeaderEpoch)
            try w.field("LeaderEpoch", &leaderEpoch)
        }
    }
}

/// The answer to ``OffsetForLeaderEpochRequest``.
public struct OffsetForLeaderEpochResponse: KafkaResponse {
    public static var api: APIKey { .offsetForLeaderEpoch }

    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetForLeaderTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Topics", &topics)
    }

    public struct OffsetForLeaderTopicResult: KafkaStruct {
        public var topic: String = ""
        public var partitions: [EpochEndOffset] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Topic", &topic)
            try w.field("Partitions", &partitions)
        }
    }

    public struct EpochEndOffset: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var partition: Int32 = 0
        public var leaderEpoch: Int32 = -1
        public var endOffset: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            try w.field("Partition", &partition)
            try w.field("LeaderEpoch", &leaderEpoch)
            try w.field("EndOffset", &endOffset)
        }
    }
}
