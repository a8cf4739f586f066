import Broker
import Catalog
import KafkaCoordination
import KafkaProtocol

/// The settings of topics and of this broker.
enum DescribeConfigsHandler: RequestHandler {
    typealias Shown = DescribeConfigsResponse.DescribeConfigsResourceResult

    static func handle(_ request: DescribeConfigsRequest, _ exchange: Exchange) {
        var response = DescribeConfigsResponse()
        response.results = request.resources.map { resource in
            var result = DescribeConfigsResponse.DescribeConfigsResult()
            result.resourceType = resource.resourceType
            result.resourceName = resource.resourceName
            var entries: [Shown] = []
            switch ConfigResource(rawValue: resource.resourceType) {
            case .topic:
                guard
                    let stream = exchange.broker.catalog.stream(topicName: resource.resourceName)
                else {
                    result.errorCode =
                        StreamNaming.isLegalTopicName(resource.resourceName)
                        ? .unknownTopicOrPartition : .invalidTopicException
                    return result
                }
                entries = TopicConfigs.entries(
                    of: stream.topicConfig,
                    flushMilliseconds: exchange.broker.defaultFlushMilliseconds(of: stream)
                ).map { shown($0, request) }
            case .broker:
                guard ["", String(exchange.service.options.nodeID)].contains(resource.resourceName)
                else {
                    result.errorCode = .invalidRequest
                    result.errorMessage = "This is broker \(exchange.service.options.nodeID)."
                    return result
                }
                entries = brokerEntries(exchange)
            case .group, .clientMetrics: break
            case .brokerLogger, nil:
                result.errorCode = .invalidRequest
                result.errorMessage =
                    "Resources of type \(resource.resourceType) have no settings here."
                return result
            }
            if let keys = resource.configurationKeys {
                entries = entries.filter { keys.contains($0.name) }
            }
            result.configs = entries
            return result
        }
        exchange.answer(response)
    }

    private static func shown(
        _ entry: TopicConfigs.Entry, _ request: DescribeConfigsRequest
    ) -> Shown {
        var shown = Shown()
        shown.name = entry.name
        shown.value = entry.value
        shown.readOnly = entry.isReadOnly
        shown.configSource = entry.source
        shown.configType = entry.type
        if request.includeSynonyms {
            if entry.source == TopicConfigs.setSource {
                shown.synonyms.append(synonym(entry.name, entry.value, TopicConfigs.setSource))
            }
            shown.synonyms.append(
                synonym(entry.name, entry.defaultValue, TopicConfigs.defaultSource))
        }
        return shown
    }

    private static func synonym(
        _ name: String, _ value: String, _ source: Int8
    ) -> DescribeConfigsResponse.DescribeConfigsSynonym {
        var synonym = DescribeConfigsResponse.DescribeConfigsSynonym()
        synonym.name = name
        synonym.value = value
        synonym.source = source
        return synonym
    }

    /// What tools look for of a broker's settings. All are fixed at the start.
    private static func brokerEntries(_ exchange: Exchange) -> [Shown] {
        let options = exchange.service.options
        let broker = exchange.broker.options
        let host = exchange.session.host
        let port = exchange.session.port
        let entries: [(name: String, value: String, type: Int8)] = [
            ("advertised.listeners", "PLAINTEXT://\(host):\(port)", 2),
            ("auto.create.topics.enable", String(broker.createsTopicsOnDemand), 1),
            ("broker.id", String(options.nodeID), 3),
            ("connections.max.idle.ms", String(options.idleMilliseconds), 5),
            ("default.replication.factor", "1", 3),
            ("delete.topic.enable", "true", 1),
            ("fetch.max.bytes", String(options.fetchByteLimit), 3),
            ("group.initial.rebalance.delay.ms", String(broker.initialRebalanceDelayMilliseconds), 3),
            ("log.cleaner.backoff.ms", String(broker.compactionPauseMilliseconds), 5),
            ("log.dirs", exchange.broker.dataFolderPath, 2),
            ("message.max.bytes", String(broker.batchByteLimit), 3),
            ("min.insync.replicas", "1", 3),
            ("node.id", String(options.nodeID), 3),
            ("num.partitions", String(broker.defaultPartitionCount), 3),
            ("offsets.retention.minutes",
                String(exchange.broker.groups.options.offsetRetentionMilliseconds / 60_000), 3),
            ("offsets.topic.replication.factor", "1", 4),
            ("process.roles", "broker,controller", 7),
            ("socket.request.max.bytes", String(options.requestByteLimit), 3),
        ]
        return entries.map { name, value, type in
            var shown = Shown()
            shown.name = name
            shown.value = value
            shown.readOnly = true
            shown.configSource = 4
            shown.configType = type
            return shown
        }
    }
}

/// What has settings, by Kafka's numbers.
enum ConfigResource: Int8 {
    case topic = 2
    case broker = 4
    case brokerLogger = 8
    case clientMetrics = 16
    case group = 32
}
