/// What is configured? No keys (`nil`) asks for all. Resource types: 2 a topic, 4 a broker, 32 a
/// group.
public struct DescribeConfigsRequest: KafkaRequest {
    public static var api: APIKey { .describeConfigs }

    public var resources: [DescribeConfigsResource] = []
    public var includeSynonyms: Bool = false
    public var includeDocumentation: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("Resources", &resources)
        try w.field("IncludeSynonyms", &includeSynonyms)
        if w.version >= 3 {
            try w.field("IncludeDocumentation", &includeDocumentation)
        }
    }

    public struct DescribeConfigsResource: KafkaStruct {
        public var resourceType: Int8 = 0
        public var resourceName: String = ""
        public var configurationKeys: [String]?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ResourceType", &resourceType)
            try w.field("ResourceName", &resourceName)
            try w.field("ConfigurationKeys", &configurationKeys)
        }
    }
}

/// The answer to ``DescribeConfigsRequest``.
///
/// Sources: 1 the topic, 2 the broker at run time, 3 the cluster at run time, 4 the broker's file,
/// 5 the default.
public struct DescribeConfigsResponse: KafkaResponse {
    public static var api: APIKey { .describeConfigs }

    public var throttleTimeMs: Int32 = 0
    public var results: [DescribeConfigsResult] = []

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("Results", &results)
    }

    public struct DescribeConfigsResult: KafkaStruct {
        public var errorCode: KafkaError = .none
        public var errorMessage: String?
        public var resourceType: Int8 = 0
        public var resourceName: String = ""
        public var configs: [DescribeConfigsResourceResult] = []

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ErrorCode", &errorCode)
            try w.field("ErrorMessage", &errorMessage)
            try w.field("ResourceType", &resourceType)
            try w.field("ResourceName", &resourceName)
            try w.field("Configs", &configs)
        }
    }

    public struct DescribeConfigsResourceResult: KafkaStruct {
        public var name: String = ""
        public var value: String?
        public var readOnly: Bool = false
        public var configSource: Int8 = -1
        public var isSensitive: Bool = false
        public var synonyms: [DescribeConfigsSynonym] = []
        public var configType: Int8 = 0
        public var documentation: String?

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Value", &value)
            try w.field("ReadOnly", &readOnly)
            try w.field("ConfigSource", &configSource)
            try w.field("IsSensitive", &isSensitive)
            try w.field("Synonyms", &synonyms)
            if w.version >= 3 {
                try w.field("ConfigType", &configType)
                try w.field("Documentation", &documentation)
            }
        }
    }

    public struct DescribeConfigsSynonym: KafkaStruct {
        public var name: String = ""
        public var value: String?
        public var source: Int8 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("Value", &value)
            try w.field("Source", &source)
        }
    }
}
