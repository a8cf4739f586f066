/// Which groups are there? An empty filter lets all pass.
public struct ListGroupsRequest: KafkaRequest {
    public static var api: APIKey { .listGroups }

    public var statesFilter: [String] = []
    public var typesFilter: [String] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 4 {
            try w.field("StatesFilter", &statesFilter)
        }
        if w.version >= 5 {
            try w.field("TypesFilter", &typesFilter)
        }
    }
}

/// The answer to ``ListGroupsRequest``.
public struct ListGroupsResponse: KafkaResponse {
    public static var api: APIKey { .listGroups }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var groups: [ListedGroup] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        try w.field("ErrorCode", &errorCode)
        try w.field("Groups", &groups)
    }

    public struct ListedGroup: KafkaStruct {
        public var groupId: String = ""
        public var protocolType: String = ""
        public var groupState: String = ""
        public var groupType: String = ""

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("GroupId", &groupId)
            try w.field("ProtocolType", &protocolType)
            if w.version >= 4 {
                try w.field("GroupState", &groupState)
            }
            if w.version >= 5 {
                try w.field("GroupType", &groupType)
            }
        }
    }
}
