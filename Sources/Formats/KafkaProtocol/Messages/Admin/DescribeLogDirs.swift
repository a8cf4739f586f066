/// How much disk do the partitions take? No topics (`nil`) asks for all.
public struct DescribeLogDirsRequest: KafkaRequest {
    public static var api: APIKey { .describeLogDirs }

    public var topics: [DescribableLogDirTopic]?

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Topics", &topics)
    }

    public struct DescribableLogDirTopic: KafkaStruct {
        public var topic: String = ""
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Topic", &topic)
            try w.field("Partitions", &partitions)
        }
    }
}

/// The answer to ``DescribeLogDirsRequest``.
public struct DescribeLogDirsResponse: KafkaResponse {
    public static var api: APIKey { .describeLogDirs }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var results: [DescribeLogDirsResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        if w.version >= 3 {
            try w.field("ErrorCode", &errorCode)
        }
        try w.field("Results", &results)
    }

    public struct DescribeLogDirsResult: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var logDir: String = ""
        public var topics: [DescribeLogDirsTopic] = []
        public var totalBytes: Int64 = -1
        public var usableBytes: Int64 = -1
        public var isCordoned: Bool = false

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            try w.field("LogDir", &logDir)
            try w.field("Topics", &topics)
            if w.version >= 4 {
                try w.field("TotalBytes", &totalBytes)
                try w.field("UsableBytes", &usableBytes)
            }
            if w.version >= 5 {
                try w.field("IsCordoned", &isCordoned)
            }
        }
    }

    public struct DescribeLogDirsTopic: KafkaStruct {
        public var name: String = ""
        public var partitions: [DescribeLogDirsPartition] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Partitions", &partitions)
        }
    }

    public struct DescribeLogDirsPartition: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var partitionSize: Int64 = 0
        public var offsetLag: Int64 = 0
        public var isFutureKey: Bool = false

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("PartitionSize", &partitionSize)
            try w.field("OffsetLag", &offsetLag)
            try w.field("IsFutureKey", &isFutureKey)
        }
    }
}
