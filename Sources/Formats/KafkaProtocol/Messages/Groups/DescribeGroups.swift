/// Who is in these groups, and what is assigned to whom?
public struct DescribeGroupsRequest: KafkaRequest {
    public static var api: APIKey { .describeGroups }

    public var groups: [String] = []
    public var includeAuthorizedOperations: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Groups", &groups)
        if w.version >= 3 {
            try w.field("IncludeAuthorizedOperations", &includeAuthorizedOperations)
        }
    }
}

/// The answer to ``DescribeGroupsRequest``.
public struct DescribeGroupsResponse: KafkaResponse {
    public static var api: APIKey { .describeGroups }

    public var throttleTimeMs: Int32 = 0
    public var groups: [DescribedGroup] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("Groups", &groups)
    }

    public struct DescribedGroup: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var errorMessage: String?
        public var groupId: String = ""
        public var groupState: String = ""
        public var protocolType: String = ""
        public var protocolData: String = ""
        public var members: [DescribedGroupMember] = []
        public var authorizedOperations: Int32 = .min

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            if w.version >= 6 {
                try w.field("ErrorMessage", &errorMessage)
            }
            try w.field("GroupId", &groupId)
            try w.field("GroupState", &groupState)
            try w.field("ProtocolType", &protocolType)
            try w.field("ProtocolData", &protocolData)
            try w.field("Members", &members)
            if w.version >= 3 {
                try w.field("AuthorizedOperations", &authorizedOperations)
            }
        }
    }

    public struct DescribedGroupMember: KafkaStruct {
        public var memberId: String = ""
        public var groupInstanceId: String?
        public var clientId: String = ""
        public var clientHost: String = ""
        public var memberMetadata: [UInt8] = []
        public var memberAssignment: [UInt8] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("MemberId", &memberId)
            if w.version >= 4 {
                try w.field("GroupInstanceId", &groupInstanceId)
            }
            try w.field("ClientId", &clientId)
            try w.field("ClientHost", &clientHost)
            try w.bytes("MemberMetadata", &memberMetadata)
            try w.bytes("MemberAssignment", &memberAssignment)
        }
    }
}
