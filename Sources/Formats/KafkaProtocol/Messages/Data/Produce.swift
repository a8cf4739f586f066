public import Model

/// Append record batches to partitions: in each, one batch in the format of version 2.
///
/// From version 13 topics go by id (KIP-516). A request with acks 0 has no response at all.
public struct ProduceRequest: KafkaRequest {
    public static var api: APIKey { .produce }

    public var transactionalId: String?
    /// Who must have the records before the answer: 0 nobody, 1 the leader, -1 all in-sync replicas.
    public var acks: Int16 = 0
    public var timeoutMs: Int32 = 0
    public var topicData: [TopicProduceData] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("TransactionalId", &transactionalId)
        try w.field("Acks", &acks)
        try w.field("TimeoutMs", &timeoutMs)
        try w.field("TopicData", &topicData)
    }

    public struct TopicProduceData: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var partitionData: [PartitionProduceData] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 12 {
                try w.field("Name", &name)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("PartitionData", &partitionData)
        }
    }

    public struct PartitionProduceData: KafkaStruct {
        public var index: Int32 = 0
        /// Where in the frame the batch lies; the payload is copied once, into the log.
        public var records: Range<Int>?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Index", &index)
            try w.frameBytes("Records", &records)
        }
    }
}

/// The answer to ``ProduceRequest``.
public struct ProduceResponse: KafkaResponse {
    public static var api: APIKey { .produce }

    public var responses: [TopicProduceResponse] = []
    public var throttleTimeMs: Int32 = 0
    public var nodeEndpoints: [NodeEndpoint] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Responses", &responses)
        try w.field("ThrottleTimeMs", &throttleTimeMs)
    }

    public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 10 {
            try w.tagged(0, "NodeEndpoints", &nodeEndpoints, default: [])
        }
    }

    public struct TopicProduceResponse: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var partitionResponses: [PartitionProduceResponse] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 12 {
                try w.field("Name", &name)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("PartitionResponses", &partitionResponses)
        }
    }

    public struct PartitionProduceResponse: KafkaStruct {
        public var index: Int32 = 0
        public var errorCode: KafkaError = .none
        /// The offset of the first record; for a batch sent again, the one it already has.
        public var baseOffset: Int64 = 0
        /// -1 where the topic keeps the producer's time.
        public var logAppendTimeMs: Int64 = -1
        public var logStartOffset: Int64 = -1
        /// Which records of the batch were refused, by their place in it.
        public var recordErrors: [BatchIndexAndErrorMessage] = []
        public var errorMessage: String?
        /// Whom to ask instead, with ``KafkaError/notLeaderOrFollower`` (KIP-951).
        public var currentLeader: LeaderIdAndEpoch = LeaderIdAndEpoch()

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Index", &index)
            try w.field("ErrorCode", &errorCode)
            try w.field("BaseOffset", &baseOffset)
            try w.field("LogAppendTimeMs", &logAppendTimeMs)
            if w.version >= 5 {
                try w.field("LogStartOffset", &logStartOffset)
            }
            if w.version >= 8 {
                try w.field("RecordErrors", &recordErrors)
                try w.field("ErrorMessage", &errorMessage)
            }
        }

        public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version >= 10 {
                try w.tagged(0, "CurrentLeader", &currentLeader, default: LeaderIdAndEpoch())
            }
        }
    }

    public struct BatchIndexAndErrorMessage: KafkaStruct {
        public var batchIndex: Int32 = 0
        public var batchIndexErrorMessage: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("BatchIndex", &batchIndex)
            try w.field("BatchIndexErrorMessage", &batchIndexErrorMessage)
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
