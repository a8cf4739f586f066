public import Model

/// Read record batches from partitions, waiting up to `maxWaitMs` until there are `minBytes`.
///
/// Sessions since version 7 (KIP-227), topic ids since version 13 (KIP-516).
public struct FetchRequest: KafkaRequest {
    public static var api: APIKey { .fetch }

    public var clusterId: String?
    public var replicaId: Int32 = -1
    public var replicaState: ReplicaState = ReplicaState()
    public var maxWaitMs: Int32 = 0
    public var minBytes: Int32 = 0
    public var maxBytes: Int32 = .max
    public var isolationLevel: Int8 = 0
    public var sessionId: Int32 = 0
    public var sessionEpoch: Int32 = -1
    public var topics: [FetchTopic] = []
    public var forgottenTopicsData: [ForgottenTopic] = []
    public var rackId: String = ""

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version <= 14 {
            try w.field("ReplicaId", &replicaId)
        }
        try w.field("MaxWaitMs", &maxWaitMs)
        try w.field("MinBytes", &minBytes)
        try w.field("MaxBytes", &maxBytes)
        try w.field("IsolationLevel", &isolationLevel)
        if w.version >= 7 {
            try w.field("SessionId", &sessionId)
            try w.field("SessionEpoch", &sessionEpoch)
        }
        try w.field("Topics", &topics)
        if w.version >= 7 {
            try w.field("ForgottenTopicsData", &forgottenTopicsData)
        }
        if w.version >= 11 {
            try w.field("RackId", &rackId)
        }
    }

    public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.tagged(0, "ClusterId", &clusterId, default: nil)
        if w.version >= 15 {
            try w.tagged(1, "ReplicaState", &replicaState, default: ReplicaState())
        }
    }

    public struct ReplicaState: KafkaStruct {
        public var replicaId: Int32 = -1
        public var replicaEpoch: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ReplicaId", &replicaId)
            try w.field("ReplicaEpoch", &replicaEpoch)
        }
    }

    public struct FetchTopic: KafkaStruct {
        public var topic: String = ""
        public var topicId: TopicID = .none
        public var partitions: [FetchPartition] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 12 {
                try w.field("Topic", &topic)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("Partitions", &partitions)
        }
    }

    public struct FetchPartition: KafkaStruct {
        public var partition: Int32 = 0
        public var currentLeaderEpoch: Int32 = -1
        public var fetchOffset: Int64 = 0
        public var lastFetchedEpoch: Int32 = -1
        public var logStartOffset: Int64 = -1
        public var partitionMaxBytes: Int32 = 0
        public var replicaDirectoryId: TopicID = .none
        public var highWatermark: Int64 = .max

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Partition", &partition)
            if w.version >= 9 {
                try w.field("CurrentLeaderEpoch", &currentLeaderEpoch)
            }
            try w.field("FetchOffset", &fetchOffset)
            if w.version >= 12 {
                try w.field("LastFetchedEpoch", &lastFetchedEpoch)
            }
            if w.version >= 5 {
                try w.field("LogStartOffset", &logStartOffset)
            }
            try w.field("PartitionMaxBytes", &partitionMaxBytes)
        }

        public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version >= 17 {
                try w.tagged(0, "ReplicaDirectoryId", &replicaDirectoryId, default: .none)
            }
            if w.version >= 18 {
                try w.tagged(1, "HighWatermark", &highWatermark, default: .max)
            }
        }
    }

    public struct ForgottenTopic: KafkaStruct {
        public var topic: String = ""
        public var topicId: TopicID = .none
        public var partitions: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 12 {
                try w.field("Topic", &topic)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("Partitions", &partitions)
        }
    }
}

/// The answer to ``FetchRequest``. Stored batches go out by way of ``FetchResponseWriter`` instead.
public struct FetchResponse: KafkaResponse {
    public static var api: APIKey { .fetch }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var sessionId: Int32 = 0
    public var responses: [FetchableTopicResponse] = []
    public var nodeEndpoints: [NodeEndpoint] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        if w.version >= 7 {
            try w.field("ErrorCode", &errorCode)
            try w.field("SessionId", &sessionId)
        }
        try w.field("Responses", &responses)
    }

    public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 16 {
            try w.tagged(0, "NodeEndpoints", &nodeEndpoints, default: [])
        }
    }

    public struct FetchableTopicResponse: KafkaStruct {
        public var topic: String = ""
        public var topicId: TopicID = .none
        public var partitions: [PartitionData] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 12 {
                try w.field("Topic", &topic)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("Partitions", &partitions)
        }
    }

    public struct PartitionData: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode: KafkaError = .none
        public var highWatermark: Int64 = 0
        public var lastStableOffset: Int64 = -1
        public var logStartOffset: Int64 = -1
        public var divergingEpoch: EpochEndOffset = EpochEndOffset()
        public var currentLeader: LeaderIdAndEpoch = LeaderIdAndEpoch()
        public var snapshotId: SnapshotId = SnapshotId()
        public var abortedTransactions: [AbortedTransaction]?
        public var preferredReadReplica: Int32 = -1
        public var records: [UInt8]?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("ErrorCode", &errorCode)
            try w.field("HighWatermark", &highWatermark)
            try w.field("LastStableOffset", &lastStableOffset)
            if w.version >= 5 {
                try w.field("LogStartOffset", &logStartOffset)
            }
            try w.field("AbortedTransactions", &abortedTransactions)
            if w.version >= 11 {
                try w.field("PreferredReadReplica", &preferredReadReplica)
            }
            try w.bytes("Records", &records)
        }

        public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.tagged(0, "DivergingEpoch", &divergingEpoch, default: EpochEndOffset())
            try w.tagged(1, "CurrentLeader", &currentLeader, default: LeaderIdAndEpoch())
            try w.tagged(2, "SnapshotId", &snapshotId, default: SnapshotId())
        }
    }

    public struct EpochEndOffset: KafkaStruct {
        public var epoch: Int32 = -1
        public var endOffset: Int64 = -1

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Epoch", &epoch)
            try w.field("EndOffset", &endOffset)
        }
    }

    public struct LeaderIdAndEpoch: KafkaStruct {
        public var leaderId: Int32 = -1
        public var leaderEpoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("LeaderId", &leaderId)
            try w.field("LeaderEpoch", &leaderEpoch)
        }
    }

    public struct SnapshotId: KafkaStruct {
        public var endOffset: Int64 = -1
        public var epoch: Int32 = -1

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("EndOffset", &endOffset)
            try w.field("Epoch", &epoch)
        }
    }

    public struct AbortedTransaction: KafkaStruct {
        public var producerId: Int64 = 0
        public var firstOffset: Int64 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ProducerId", &producerId)
            try w.field("FirstOffset", &firstOffset)
        }
    }

    public struct NodeEndpoint: KafkaStruct {
        public var nodeId: Int32 = 0
        public var host: String = ""
        public var port: Int32 = 0
        public var rack: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("NodeId", &nodeId)
            try w.field("Host", &host)
            try w.field("Port", &port)
            try w.field("Rack", &rack)
        }
    }
}
