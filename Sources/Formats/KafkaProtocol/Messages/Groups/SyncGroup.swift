/// Fetch a member's assignment; the leader's request brings everybody's.
public struct SyncGroupRequest: KafkaRequest {
    public static var api: APIKey { .syncGroup }

    public var groupId: String = ""
    public var generationId: Int32 = 0
    public var memberId: String = ""
    public var groupInstanceId: String?
    public var protocolType: String?
    public var protocolName: String?
    public var assignments: [SyncGroupRequestAssignment] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("GroupId", &groupId)
        try w.field("GenerationId", &generationId)
        try w.field("MemberId", &memberId)
        if w.version >= 3 {
            try w.field("GroupInstanceId", &groupInstanceId)
        }
        if w.version >= 5 {
            try w.field("ProtocolType", &protocolType)
            try w.field("ProtocolName", &protocolName)
        }
        try w.field("Assignments", &assignments)
    }

    public struct SyncGroupRequestAssignment: KafkaStruct {
        public var memberId: String = ""
        public var assignment: [UInt8] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("MemberId", &memberId)
            try w.bytes("Assignment", &assignment)
        }
    }
}

/// The answer to ``SyncGroupRequest``.
public struct SyncGroupResponse: KafkaResponse {
    public static var api: APIKey { .syncGroup }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var protocolType: String?
    public var protocolName: String?
    public var assignment: [UInt8] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("ErrorCode", &errorCode)
        if w.version >= 5 {
            try w.field("ProtocolType", &protocolType)
            try w.field("ProtocolName", &protocolName)
        }
        try w.bytes("Assignment", &assignment)
    }
}
