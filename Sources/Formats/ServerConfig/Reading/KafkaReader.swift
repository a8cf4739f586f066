/// Reads the `kafka` block.
struct KafkaReader {
    let findings: ConfigFindings

    /// A map, or whether there is Kafka at all.
    func kafka(_ node: ConfigNode, _ current: KafkaOptions?) throws(ConfigError) -> KafkaOptions? {
        if case .boolean(let isOn) = node.value { return isOn ? current ?? KafkaOptions() : nil }
        var options = current ?? KafkaOptions()
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "listen":
                let address = try node.address()
                if let host = address.host { options.host = host }
                options.port = address.port
            case "port": options.port = try node.port()
            case "host", "net": options.host = try node.string()
            case "advertise":
                guard let address = HostAndPort(try node.string()), !address.host.isEmpty, address.port > 0 else {
                    throw node.failure("expected host:port")
                }
                (options.advertisedHost, options.advertisedPort) = (address.host, address.port)
            case "account": options.account = try node.nonEmptyString()
            case "node_id": options.nodeID = Int32(try node.int())
            case "subject_prefix":
                let prefix = try node.string()
                if !SubjectShape.isLiteral(prefix) { throw node.failure("\"\(prefix)\" is not a valid subject") }
                options.topicSubjectPrefix = prefix
            case "num_partitions": options.defaultPartitionCount = try node.int(1...10_000)
            case "auto_create_topics": options.createsTopicsOnDemand = try node.boolean()
            case "message_max_bytes": options.maximumBatchBytes = try node.int(1...(1 << 30))
            case "group_initial_rebalance_delay":
                options.initialRebalanceDelayNanoseconds = try node.durationNanoseconds(key, atLeast: 0)
            case "log_cleaner_backoff":
                options.compactionPauseNanoseconds = try node.durationNanoseconds(key, atLeast: 0)
            case "request_max_bytes": options.maximumRequestBytes = try node.int(1024...(1 << 30))
            case "fetch_max_bytes": options.maximumFetchBytes = try node.int(1024...(1 << 30))
            case "connections_max_idle":
                options.maximumIdleNanoseconds = try node.durationNanoseconds(key, atLeast: 1_000_000_000)
            default: return false
            }
            return true
        }
        return options
    }
}
