/// I am still here, in this generation of the group.
public struct HeartbeatRequest: KafkaRequest {
    public static var api: APIKey { .heartbeat }

    public var groupId: String = ""
    public var generationId: Int32 = 0
    public var memberId: String = ""
    public var groupInstanceId: String?

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("GroupId", &groupId)
        try w.field("GenerationId", &generationId)
        try w.field("MemberId", &memberId)
        if w.version >= 3 {
            try w.field("GroupInstanceId", &groupInstanceId)
        }
    }
}

/// The answer to ``HeartbeatRequest``.
public struct HeartbeatResponse: KafkaResponse {
    public static var api: APIKey { .heartbeat }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("ErrorCode", &errorCode)
    }
}
