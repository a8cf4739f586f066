/// Change single settings. Operations: 0 set, 1 delete, 2 append to a list, 3 take from a list.
/// Source: KIP-339.
public struct IncrementalAlterConfigsRequest: KafkaRequest {
    public static var api: APIKey { .incrementalAlterConfigs }

    public var resources: [AlterConfigsResource] = []
    public var validateOnly: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Resources", &resources)
        try w.field("ValidateOnly", &validateOnly)
    }

    public struct AlterConfigsResource: KafkaStruct {
        public var resourceType: Int8 = 0
        public var resourceName: String = ""
        public var configs: [AlterableConfig] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ResourceType", &resourceType)
            try w.field("ResourceName", &resourceName)
            try w.field("Configs", &configs)
        }
    }

    public struct AlterableConfig: KafkaStruct {
        public var name: String = ""
        public var configOperation: Int8 = 0
        public var value: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("ConfigOperation", &configOperation)
            try w.field("Value", &value)
        }
    }
}

/// The answer to ``IncrementalAlterConfigsRequest``.
public struct IncrementalAlterConfigsResponse: KafkaResponse {
    public static var api: APIKey { .incrementalAlterConfigs }

    public var throttleTimeMs: Int32 = 0
    public var responses: [AlterConfigsResourceResponse] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Responses", &responses)
    }

    public struct AlterConfigsResourceResponse: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var errorMessage: String?
        public var resourceType: Int8 = 0
        public var resourceName: String = ""

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            try w.field("ErrorMessage", &errorMessage)
            try w.field("ResourceType", &resourceType)
            try w.field("ResourceName", &resourceName)
        }
    }
}
