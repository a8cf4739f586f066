public import Model

/// Which brokers, topics and partitions are there?
///
/// No topics (`nil`) asks for all; in version 0 an empty list does. From version 12 a topic can be
/// asked for by id.
public struct MetadataRequest: KafkaRequest {
    public static var api: APIKey { .metadata }

    public var topics: [MetadataRequestTopic]?
    public var allowAutoTopicCreation: Bool = true
    public var includeClusterAuthorizedOperations: Bool = false
    public var includeTopicAuthorizedOperations: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Topics", &topics, nullableSince: 1)
        if w.version >= 4 {
            try w.field("AllowAutoTopicCreation", &allowAutoTopicCreation)
        }
        if (8...10).contains(w.version) {
            try w.field("IncludeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        }
        if w.version >= 8 {
            try w.field("IncludeTopicAuthorizedOperations", &includeTopicAuthorizedOperations)
        }
    }

    public struct MetadataRequestTopic: KafkaStruct {
        public var topicId: TopicID = .none
        public var name: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version >= 10 {
                try w.field("TopicId", &topicId)
            }
            try w.field("Name", &name, nullableSince: 10)
        }
    }
}

/// The answer to ``MetadataRequest``.
public struct MetadataResponse: KafkaResponse {
    public static var api: APIKey { .metadata }

    public var throttleTimeMs: Int32 = 0
    public var brokers: [MetadataResponseBroker] = []
    public var clusterId: String?
    public var controllerId: Int32 = -1
    public var topics: [MetadataResponseTopic] = []
    public var clusterAuthorizedOperations: Int32 = .min
    public var errorCode: KafkaError = .none

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 3 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("Brokers", &brokers)
        if w.version >= 2 {
            try w.field("ClusterId", &clusterId)
        }
        if w.version >= 1 {
            try w.field("ControllerId", &controllerId)
        }
        try w.field("Topics", &topics)
        if (8...10).contains(w.version) {
            try w.field("ClusterAuthorizedOperations", &clusterAuthorizedOperations)
        }
        if w.version >= 13 {
            try w.field("ErrorCode", &errorCode)
        }
    }

    public struct MetadataResponseBroker: KafkaStruct {
        public var nodeId: Int32 = 0
        public var host: String = ""
        public var port: Int32 = 0
        public var rack: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("NodeId", &nodeId)
            try w.field("Host", &host)
            try w.field("Port", &port)
            if w.version >= 1 {
                try w.field("Rack", &rack)
            }
        }
    }

    public struct MetadataResponseTopic: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var name: String?
        public var topicId: TopicID = .none
        public var isInternal: Bool = false
        public var partitions: [MetadataResponsePartition] = []
        public var topicAuthorizedOperations: Int32 = .min

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            try w.field("Name", &name, nullableSince: 12)
            if w.version >= 10 {
                try w.field("TopicId", &topicId)
            }
            if w.version >= 1 {
                try w.field("IsInternal", &isInternal)
            }
            try w.field("Partitions", &partitions)
            if w.version >= 8 {
                try w.field("TopicAuthorizedOperations", &topicAuthorizedOperations)
            }
        }
    }

    public struct MetadataResponsePartition: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var partitionIndex: Int32 = 0
        public var leaderId: Int32 = 0
        public var leaderEpoch: Int32 = -1
        public var replicaNodes: [Int32] = []
        public var isrNodes: [Int32] = []
        public var offlineReplicas: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("LeaderId", &leaderId)
            if w.version >= 7 {
                try w.field("LeaderEpoch", &leaderEpoch)
            }
            try w.field("ReplicaNodes", &replicaNodes)
            try w.field("IsrNodes", &isrNodes)
            if w.version >= 5 {
                try w.field("OfflineReplicas", &offlineReplicas)
            }
        }
    }
}
