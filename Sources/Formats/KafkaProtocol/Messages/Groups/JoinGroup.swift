/// Become or stay a member of a classic group; answered when the group has gathered.
///
/// Since version 4 a new member is first told its id (KIP-394); since version 5 it may have a
/// static one (KIP-345).
public struct JoinGroupRequest: KafkaRequest {
    public static var api: APIKey { .joinGroup }

    public var groupId: String = ""
    public var sessionTimeoutMs: Int32 = 0
    public var rebalanceTimeoutMs: Int32 = -1
    public var memberId: String = ""
    public var groupInstanceId: String?
    public var protocolType: String = ""
    public var protocols: [JoinGroupRequestProtocol] = []
    public var reason: String?

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("GroupId", &groupId)
        try w.field("SessionTimeoutMs", &sessionTimeoutMs)
        if w.version >= 1 {
            try w.field("RebalanceTimeoutMs", &rebalanceTimeoutMs)
        }
        try w.field("MemberId", &memberId)
        if w.version >= 5 {
            try w.field("GroupInstanceId", &groupInstanceId)
        }
        try w.field("ProtocolType", &protocolType)
        try w.field("Protocols", &protocols)
        if w.version >= 8 {
            try w.field("Reason", &reason)
        }
    }

    public struct JoinGroupRequestProtocol: KafkaStruct {
        public var name: String = ""
        public var metadata: [UInt8] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.bytes("Metadata", &metadata)
        }
    }
}

/// The answer to ``JoinGroupRequest``; the leader alone is told the members.
public struct JoinGroupResponse: KafkaResponse {
    public static var api: APIKey { .joinGroup }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var generationId: Int32 = -1
    public var protocolType: String?
    public var protocolName: String?
    public var leader: String = ""
    public var skipAssignment: Bool = false
    public var memberId: String = ""
    public var members: [JoinGroupResponseMember] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 2 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("ErrorCode", &errorCode)
        try w.field("GenerationId", &generationId)
        if w.version >= 7 {
            try w.field("ProtocolType", &protocolType)
        }
        try w.field("ProtocolName", &protocolName, nullableSince: 7)
        try w.field("Leader", &leader)
        if w.version >= 9 {
            try w.field("SkipAssignment", &skipAssignment)
        }
        try w.field("MemberId", &memberId)
        try w.field("Members", &members)
    }

    public struct JoinGroupResponseMember: KafkaStruct {
        public var memberId: String = ""
        public var groupInstanceId: String?
        public var metadata: [UInt8] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("MemberId", &memberId)
            if w.version >= 5 {
                try w.field("GroupInstanceId", &groupInstanceId)
            }
            try w.bytes("Metadata", &metadata)
        }
    }
}
