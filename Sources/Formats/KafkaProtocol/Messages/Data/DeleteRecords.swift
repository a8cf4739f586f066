/// Drop all records below an offset; -1 stands for the high watermark.
public struct DeleteRecordsRequest: KafkaRequest {
    public static var api: APIKey { .deleteRecords }

    public var topics: [DeleteRecordsTopic] = []
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Topics", &topics)
        try w.field("TimeoutMs", &timeoutMs)
    }

    public struct DeleteRecordsTopic: KafkaStruct {
        public var name: String = ""
        public var partitions: [DeleteRecordsPartition] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Partitions", &partitions)
        }
    }

    public struct DeleteRecordsPartition: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var offset: Int64 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("Offset", &offset)
        }
    }
}

/// The answer to ``DeleteRecordsRequest``.
public struct DeleteRecordsResponse: KafkaResponse {
    public static var api: APIKey { .deleteRecords }

    public var throttleTimeMs: Int32 = 0
    public var topics: [DeleteRecordsTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Topics", &topics)
    }

    public struct DeleteRecordsTopicResult: KafkaStruct {
        public var name: String = ""
        public var partitions: [DeleteRecordsPartitionResult] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Partitions", &partitions)
        }
    }

    public struct DeleteRecordsPartitionResult: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var lowWatermark: Int64 = 0
        public var errorCode: KafkaError = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("LowWatermark", &lowWatermark)
            try w.field("ErrorCode", &errorCode)
        }
    }
}
