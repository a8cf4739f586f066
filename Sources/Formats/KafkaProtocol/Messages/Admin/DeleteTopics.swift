public import Model

/// Delete topics: by name up to version 5, by name or id from version 6.
public struct DeleteTopicsRequest: KafkaRequest {
    public static var api: APIKey { .deleteTopics }

    public var topics: [DeleteTopicState] = []
    public var topicNames: [String] = []
    public var timeoutMs: Int32 = 0

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 6 {
            try w.field("Topics", &topics)
        } else {
            try w.field("TopicNames", &topicNames)
        }
        try w.field("TimeoutMs", &timeoutMs)
    }

    public struct DeleteTopicState: KafkaStruct {
        public var name: String?
        public var topicId: TopicID = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("TopicId", &topicId)
        }
    }
}

/// The answer to ``DeleteTopicsRequest``.
public struct DeleteTopicsResponse: KafkaResponse {
    public static var api: APIKey { .deleteTopics }

    public var throttleTimeMs: Int32 = 0
    public var responses: [DeletableTopicResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Responses", &responses)
    }

    public struct DeletableTopicResult: KafkaStruct {
        public var name: String?
        public var topicId: TopicID = .none
        public var errorCode: KafkaError = .none
        public var errorMessage: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name, nullableSince: 6)
            if w.version >= 6 {
                try w.field("TopicId", &topicId)
            }
            try w.field("ErrorCode", &errorCode)
            if w.version >= 5 {
                try w.field("ErrorMessage", &errorMessage)
            }
        }
    }
}
