/// Leave a classic group: one member, or from version 3 several.
public struct LeaveGroupRequest: KafkaRequest {
    public static var api: APIKey { .leaveGroup }

    public var groupId: String = ""
    public var memberId: String = ""
    public var members: [MemberIdentity] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("GroupId", &groupId)
        if w.version <= 2 {
            try w.field("MemberId", &memberId)
        } else {
            try w.field("Members", &members)
        }
    }

    public struct MemberIdentity: KafkaStruct {
        public var memberId: String = ""
        public var groupInstanceId: String?
        public var reason: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("MemberId", &memberId)
            try w.field("GroupInstanceId", &groupInstanceId)
            if w.version >= 5 {
                try w.field("Reason", &reason)
            }
        }
    }
}

/// The answer to ``LeaveGroupRequest``.
public struct LeaveGroupResponse: KafkaResponse {
    public static var api: APIKey { .leaveGroup }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var members: [MemberResponse] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("ErrorCode", &errorCode)
        if w.version >= 3 {
            try w.field("Members", &members)
        }
    }

    public struct MemberResponse: KafkaStruct {
        public var memberId: String = ""
        public var groupInstanceId: String?
        public var errorCode: KafkaError = .none

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("MemberId", &memberId)
            try w.field("GroupInstanceId", &groupInstanceId)
            try w.field("ErrorCode", &errorCode)
        }
    }
}
