/// Which requests and versions do you speak? The first request on a connection.
///
/// A version that the broker does not know is answered all the same, in version 0; its body is
/// left unread.
/// Source: KIP-511.
public struct ApiVersionsRequest: KafkaRequest {
    public static var api: APIKey { .apiVersions }

    public var clientSoftwareName: String = ""
    public var clientSoftwareVersion: String = ""

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        if w.version >= 3 {
            try w.field("ClientSoftwareName", &clientSoftwareName)
            try w.field("ClientSoftwareVersion", &clientSoftwareVersion)
        }
    }
}

/// The answer to ``ApiVersionsRequest``; its header is version 0 in every version.
public struct ApiVersionsResponse: KafkaResponse {
    public static var api: APIKey { .apiVersions }

    public var errorCode: KafkaError = .none
    public var apiKeys: [ApiVersion] = []
    public var throttleTimeMs: Int32 = 0
    public var supportedFeatures: [SupportedFeatureKey] = []
    public var finalizedFeaturesEpoch: Int64 = -1
    public var finalizedFeatures: [FinalizedFeatureKey] = []
    public var zkMigrationReady: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ErrorCode", &errorCode)
        try w.field("ApiKeys", &apiKeys)
        if w.version >= 1 {
            try w.field("ThrottleTimeMs", &throttleTimeMs)
        }
    }

    public mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.tagged(0, "SupportedFeatures", &supportedFeatures, default: [])
        try w.tagged(1, "FinalizedFeaturesEpoch", &finalizedFeaturesEpoch, default: -1)
        try w.tagged(2, "FinalizedFeatures", &finalizedFeatures, default: [])
        try w.tagged(3, "ZkMigrationReady", &zkMigrationReady, default: false)
    }

    public struct ApiVersion: KafkaStruct {
        public var apiKey: Int16 = 0
        public var minVersion: Int16 = 0
        public var maxVersion: Int16 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("ApiKey", &apiKey)
            try w.field("MinVersion", &minVersion)
            try w.field("MaxVersion", &maxVersion)
        }
    }

    public struct SupportedFeatureKey: KafkaStruct {
        public var name: String = ""
        public var minVersion: Int16 = 0
        public var maxVersion: Int16 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("MinVersion", &minVersion)
            try w.field("MaxVersion", &maxVersion)
        }
    }

    public struct FinalizedFeatureKey: KafkaStruct {
        public var name: String = ""
        public var maxVersionLevel: Int16 = 0
        public var minVersionLevel: Int16 = 0

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("Name", &name)
            try w.field("MaxVersionLevel", &maxVersionLevel)
            try w.field("MinVersionLevel", &minVersionLevel)
        }
    }
}
