/// Which offset belongs to this time? -1 stands for the end, -2 for the start, -3 for the newest
/// time.
public struct ListOffsetsRequest: KafkaRequest {
    public static var api: APIKey { .listOffsets }

    public var replicaId: Int32 = 0
    public var isolationLevel: Int8 = 0
    public var topics: [ListOffsetsTopic] = []
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ReplicaId", &replicaId)
        if w.version >= 2 {
            try w.field("IsolationLevel", &isolationLevel)
        }
        try w.field("Topics", &topics)
        if w.version >= 10 {
            try w.field("TimeoutMs", &timeoutMs)
        }
    }

    public struct ListOffsetsTopic: KafkaStruct {
        public var name: String = ""
        public var partitions: [ListOffsetsPartition] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Partitions", &partitions)
        }
    }

    public struct ListOffsetsPartition: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var timestamp: Int64 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            if w.version >= 4 {
                try w.field("CurrentLeaderEpoch", &currentLeaderEpoch)
            }
            try w.field("Timestamp", &timestamp)
        }
    }
}

/// The answer to ``ListOffsetsRequest``.
public struct ListOffsetsResponse: KafkaResponse {
    public static var api: APIKey { .listOffsets }

    public var throttleTimeMs: Int32 = 0
    public var topics: [ListOffsetsTopicResponse] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 2 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("Topics", &topics)
    }

    public struct ListOffsetsTopicResponse: KafkaStruct {
        public var name: String = ""
        public var partitions: [ListOffsetsPartitionResponse] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Partitions", &partitions)
        }
    }

    public struct ListOffsetsPartitionResponse: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode: KafkaError = .none
        public var timestamp: Int64 = -1
        public var offset: Int64 = -1
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("ErrorCode", &errorCode)
            try w.field("Timestamp", &timestamp)
            try w.field("Offset", &offset)
            if w.version >= 4 {
                try w.field("LeaderEpoch", &leaderEpoch)
            }
        }
    }
}
