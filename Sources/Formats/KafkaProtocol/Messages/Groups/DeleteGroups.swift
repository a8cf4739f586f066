/// Forget groups that have no members, with their offsets.
public struct DeleteGroupsRequest: KafkaRequest {
    public static var api: APIKey { .deleteGroups }

    public var groupsNames: [String] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("GroupsNames", &groupsNames)
    }
}

/// The answer to ``DeleteGroupsRequest``.
public struct DeleteGroupsResponse: KafkaResponse {
    public static var api: APIKey { .deleteGroups }

    public var throttleTimeMs: Int32 = 0
    public var results: [DeletableGroupResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Results", &results)
    }

    public struct DeletableGroupResult: KafkaStruct {
        public var groupId: String = ""
        public var errorCode: KafkaError = .none
        public var errorMessage: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("GroupId", &groupId)
            try w.field("ErrorCode", &errorCode)
            if w.version >= 3 {
                try w.field("ErrorMessage", &errorMessage)
            }
        }
    }
}
