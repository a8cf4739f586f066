import KafkaProtocol

/// What Kafka clients have asked for since the start.
public struct KafkaServiceStatistics: Sendable, Equatable {
    public var connectionCount = 0
    public var totalConnections: UInt64 = 0
    /// How many requests of each API, by its name.
    public var requests: [String: UInt64] = [:]
    /// Of the requests, without their length prefix.
    public var requestByteCount: UInt64 = 0
}

/// The same while it is counted, on loop 0.
struct KafkaCounters {
    var connectionCount = 0
    var totalConnections: UInt64 = 0
    var requestByteCount: UInt64 = 0
    private var requests: [APIKey: UInt64] = [:]

    mutating func count(_ api: APIKey, byteCount: Int) {
        requests[api, default: 0] += 1
        requestByteCount += UInt64(byteCount)
    }

    var statistics: KafkaServiceStatistics {
        var statistics = KafkaServiceStatistics()
        statistics.connectionCount = connectionCount
        statistics.totalConnections = totalConnections
        statistics.requestByteCount = requestByteCount
        for (api, count) in requests { statistics.requests["\(api)"] = count }
        return statistics
    }
}
