public import Model

/// How far has a group read? From version 8 for several groups at once.
///
/// No topics (`nil`) asks for all that the group has committed.
public struct OffsetFetchRequest: KafkaRequest {
    public static var api: APIKey { .offsetFetch }

    public var groupId: String = ""
    public var topics: [OffsetFetchRequestTopic]?
    public var groups: [OffsetFetchRequestGroup] = []
    public var requireStable: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version <= 7 {
            try w.field("GroupId", &groupId)
            try w.field("Topics", &topics, nullableSince: 2)
        } else {
            try w.field("Groups", &groups)
        }
        if w.version >= 7 {
            try w.field("RequireStable", &requireStable)
        }
    }

    public struct OffsetFetchRequestTopic: KafkaStruct {
        public var name: String = ""
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("PartitionIndexes", &partitionIndexes)
        }
    }

    public struct OffsetFetchRequestGroup: KafkaStruct {
        public var groupId: String = ""
        public var memberId: String?
        public var memberEpoch: Int32 = -1
        public var topics: [OffsetFetchRequestTopics]?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("GroupId", &groupId)
            if w.version >= 9 {
                try w.field("MemberId", &memberId)
                try w.field("MemberEpoch", &memberEpoch)
            }
            try w.field("Topics", &topics)
        }
    }

    public struct OffsetFetchRequestTopics: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var partitionIndexes: [Int32] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 9 {
                try w.field("Name", &name)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("PartitionIndexes", &partitionIndexes)
        }
    }
}

/// The answer to ``OffsetFetchRequest``.
public struct OffsetFetchResponse: KafkaResponse {
    public static var api: APIKey { .offsetFetch }

    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetFetchResponseTopic] = []
    public var errorCode: KafkaError = .none
    public var groups: [OffsetFetchResponseGroup] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 3 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        if w.version <= 7 {
            try w.field("Topics", &topics)
        }
        if (2...7).contains(w.version) {
            try w.field("ErrorCode", &errorCode)
        }
        if w.version >= 8 {
            try w.field("Groups", &groups)
        }
    }

    public struct OffsetFetchResponseTopic: KafkaStruct {
        public var name: String = ""
        public var partitions: [OffsetFetchResponsePartition] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Partitions", &partitions)
        }
    }

    public struct OffsetFetchResponsePartition: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var committedOffset: Int64 = 0
        public var committedLeaderEpoch: Int32 = -1
        public var metadata: String?
        public var errorCode: KafkaError = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("CommittedOffset", &committedOffset)
            if w.version >= 5 {
                try w.field("CommittedLeaderEpoch", &committedLeaderEpoch)
            }
            try w.field("Metadata", &metadata)
            try w.field("ErrorCode", &errorCode)
        }
    }

    public struct OffsetFetchResponseGroup: KafkaStruct {
        public var groupId: String = ""
        public var topics: [OffsetFetchResponseTopics] = []
        public var errorCode: KafkaError = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("GroupId", &groupId)
            try w.field("Topics", &topics)
            try w.field("ErrorCode", &errorCode)
        }
    }

    public struct OffsetFetchResponseTopics: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var partitions: [OffsetFetchResponsePartitions] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            if w.version <= 9 {
                try w.field("Name", &name)
            } else {
                try w.field("TopicId", &topicId)
            }
            try w.field("Partitions", &partitions)
        }
    }

    public struct OffsetFetchResponsePartitions: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var committedOffset: Int64 = 0
        public var committedLeaderEpoch: Int32 = -1
        public var metadata: String?
        public var errorCode: KafkaError = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("CommittedOffset", &committedOffset)
            try w.field("CommittedLeaderEpoch", &committedLeaderEpoch)
            try w.field("Metadata", &metadata)
            try w.field("ErrorCode", &errorCode)
        }
    }
}
