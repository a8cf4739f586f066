/// Which broker looks after this group or transaction? From version 4 for several keys at once.
///
/// Key types: 0 a group, 1 a transaction, 2 a share group.
public struct FindCoordinatorRequest: KafkaRequest {
    public static var api: APIKey { .findCoordinator }

    public var key: String = ""
    public var keyType: Int8 = 0
    public var coordinatorKeys: [String] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version <= 3 {
            try w.field("Key", &key)
        }
        if w.version >= 1 {
            try w.field("KeyType", &keyType)
        }
        if w.version >= 4 {
            try w.field("CoordinatorKeys", &coordinatorKeys)
        }
    }
}

/// The answer to ``FindCoordinatorRequest``: one coordinator, or from version 4 one for each key.
public struct FindCoordinatorResponse: KafkaResponse {
    public static var api: APIKey { .findCoordinator }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var errorMessage: String?
    public var nodeId: Int32 = 0
    public var host: String = ""
    public var port: Int32 = 0
    public var coordinators: [Coordinator] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
        if w.version <= 3 {
            try w.field("ErrorCode", &errorCode)
        }
        if (1...3).contains(w.version) {
            try w.field("ErrorMessage", &errorMessage)
        }
        if w.version <= 3 {
            try w.field("NodeId", &nodeId)
            try w.field("Host", &host)
            try w.field("Port", &port)
        } else {
            try w.field("Coordinators", &coordinators)
        }
    }

    public struct Coordinator: KafkaStruct {
        public var key: String = ""
        public var nodeId: Int32 = 0
        public var host: String = ""
        public var port: Int32 = 0
        public var errorCode: KafkaError = .none
        public var errorMessage: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Key", &key)
            try w.field("NodeId", &nodeId)
            try w.field("Host", &host)
            try w.field("Port", &port)
            try w.field("ErrorCode", &errorCode)
            try w.field("ErrorMessage", &errorMessage)
        }
    }
}
