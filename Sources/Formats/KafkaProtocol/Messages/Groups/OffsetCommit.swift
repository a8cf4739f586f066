public import Model

/// Keep how far a group has read. A commit from outside the group has generation -1 and no member.
///
/// From version 10 topics go by id.
public struct OffsetCommitRequest: KafkaRequest {
    public static var api: APIKey { .offsetCommit }

    public var groupId: String = ""
    public var generationIdOrMemberEpoch: Int32 = -1
    public var memberId: String = ""
    public var groupInstanceId: String?
    public var retentionTimeMs: Int64 = -1
    public var topics: [OffsetCommitRequestTopic] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("GroupId", &groupId)
        try w.field("GenerationIdOrMemberEpoch", &generationIdOrMemberEpoch)
        try w.field("MemberId", &memberId)
        if w.version >= 7 {
            try w.field("GroupInstanceId", &groupInstanceId)
        }
        if w.version <= 4 {
            try w.field("RetentionTimeMs", &retentionTimeMs)
        }
        try w.field("Topics", &topics)
    }

    public struct OffsetCommitRequestTopic: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var partitions: [OffsetCommitRequestPartition] = []

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

    public struct OffsetCommitRequestPartition: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var committedOffset: Int64 = 0
        public var committedLeaderEpoch: Int32 = -1
        public var committedMetadata: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("CommittedOffset", &committedOffset)
            if w.version >= 6 {
                try w.field("CommittedLeaderEpoch", &committedLeaderEpoch)
            }
            try w.field("CommittedMetadata", &committedMetadata)
        }
    }
}

/// The answer to ``OffsetCommitRequest``.
public struct OffsetCommitResponse: KafkaResponse {
    public static var api: APIKey { .offsetCommit }

    public var throttleTimeMs: Int32 = 0
    public var topics: [OffsetCommitResponseTopic] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 3 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("Topics", &topics)
    }

    public struct OffsetCommitResponseTopic: KafkaStruct {
        public var name: String = ""
        public var topicId: TopicID = .none
        public var partitions: [OffsetCommitResponsePartition] = []

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

    public struct OffsetCommitResponsePartition: KafkaStruct {
        public var partitionIndex: Int32 = 0
        public var errorCode: KafkaError = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("PartitionIndex", &partitionIndex)
            try w.field("ErrorCode", &errorCode)
        }
    }
}
