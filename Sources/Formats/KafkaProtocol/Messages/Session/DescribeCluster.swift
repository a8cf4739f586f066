/// Which brokers make up the cluster, and which of them is its controller? Source: KIP-700.
public struct DescribeClusterRequest: KafkaRequest {
    public static var api: APIKey { .describeCluster }

    public var includeClusterAuthorizedOperations: Bool = false
    public var endpointType: Int8 = 1
    public var includeFencedBrokers: Bool = false

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("IncludeClusterAuthorizedOperations", &includeClusterAuthorizedOperations)
        if w.version >= 1 {
            try w.field("EndpointType", &endpointType)
        }
        if w.version >= 2 {
            try w.field("IncludeFencedBrokers", &includeFencedBrokers)
        }
    }
}

/// The answer to ``DescribeClusterRequest``.
public struct DescribeClusterResponse: KafkaResponse {
    public static var api: APIKey { .describeCluster }

    public var throttleTimeMs: Int32 = 0
    public var errorCode: KafkaError = .none
    public var errorMessage: String?
    public var endpointType: Int8 = 1
    public var clusterId: String = ""
    public var controllerId: Int32 = -1
    public var brokers: [DescribeClusterBroker] = []
    public var clusterAuthorizedOperations: Int32 = .min

    public init() {}

    public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.field("ThrottleTimeMs", &throttleTimeMs)
        try w.field("ErrorCode", &errorCode)
        try w.field("ErrorMessage", &errorMessage)
        if w.version >= 1 {
            try w.field("EndpointType", &endpointType)
        }
        try w.field("ClusterId", &clusterId)
        try w.field("ControllerId", &controllerId)
        try w.field("Brokers", &brokers)
        try w.field("ClusterAuthorizedOperations", &clusterAuthorizedOperations)
    }

    public struct DescribeClusterBroker: KafkaStruct {
        public var brokerId: Int32 = 0
        public var host: String = ""
        public var port: Int32 = 0
        public var rack: String?
        public var isFenced: Bool = false

        public init() {}

        public mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure) {
            try w.field("BrokerId", &brokerId)
            try w.field("Host", &host)
            try w.field("Port", &port)
            try w.field("Rack", &rack)
            if w.version >= 2 {
                try w.field("IsFenced", &isFenced)
            }
        }
    }
}
