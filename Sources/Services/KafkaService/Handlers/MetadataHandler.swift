import Broker
import Catalog
import KafkaProtocol
import Model

/// The cluster of one node, and its topics. Topics that are asked for and missing may be created, at once.
enum MetadataHandler: RequestHandler {
    static func handle(_ request: MetadataRequest, _ exchange: Exchange) {
        var response = MetadataResponse()
        var node = MetadataResponse.MetadataResponseBroker()
        node.nodeId = exchange.service.options.nodeID
        node.host = exchange.session.host
        node.port = Int32(exchange.session.port)
        response.brokers = [node]
        response.clusterId = exchange.broker.clusterID
        response.controllerId = node.nodeId
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations = AuthorizedOperations.cluster
        }

        var isCreating = false
        if let wanted = request.topics, exchange.version > 0 || !wanted.isEmpty {
            let creates = request.allowAutoTopicCreation
                && exchange.broker.options.createsTopicsOnDemand
            for topic in wanted {
                var entry = answer(for: topic, creates: creates, exchange, &isCreating)
                if request.includeTopicAuthorizedOperations, entry.errorCode == .none {
                    entry.topicAuthorizedOperations = AuthorizedOperations.topic
                }
                response.topics.append(entry)
            }
        } else {
            let all = exchange.broker.catalog.streams.values.filter { $0.topicName != nil }
            for stream in all.sorted(by: { $0.name < $1.name }) {
                var entry = describe(stream, exchange)
                if request.includeTopicAuthorizedOperations {
                    entry.topicAuthorizedOperations = AuthorizedOperations.topic
                }
                response.topics.append(entry)
            }
        }
        if isCreating {
            exchange.answerWhenDurable(response)
        } else {
            exchange.answer(response)
        }
    }

    private static func answer(
        for topic: MetadataRequest.MetadataRequestTopic, creates: Bool, _ exchange: Exchange,
        _ isCreating: inout Bool
    ) -> MetadataResponse.MetadataResponseTopic {
        var missing = MetadataResponse.MetadataResponseTopic()
        missing.name = topic.name
        missing.topicId = topic.topicId
        guard let name = topic.name else {
            if let stream = exchange.broker.catalog.stream(topicID: topic.topicId) {
                return describe(stream, exchange)
            }
            missing.errorCode = .unknownTopicId
            return missing
        }
        if let stream = exchange.broker.catalog.stream(topicName: name) {
            return describe(stream, exchange)
        }
        guard StreamNaming.isLegalTopicName(name) else {
            missing.errorCode = .invalidTopicException
            return missing
        }
        guard creates else {
            missing.errorCode = .unknownTopicOrPartition
            return missing
        }
        do {
            let made = try exchange.broker.createTopic(name, partitionCount: nil, config: [:])
            isCreating = true
            if let made { return describe(made, exchange) }
            missing.errorCode = .unknownTopicOrPartition
        } catch {
            missing.errorCode = error.kafkaError
        }
        return missing
    }

    private static func describe(
        _ stream: StreamEntry, _ exchange: Exchange
    ) -> MetadataResponse.MetadataResponseTopic {
        let node = exchange.service.options.nodeID
        var topic = MetadataResponse.MetadataResponseTopic()
        topic.name = stream.name
        topic.topicId = stream.topicID
        topic.partitions = (0..<stream.partitionCount).map { index in
            var partition = MetadataResponse.MetadataResponsePartition()
            partition.partitionIndex = Int32(index)
            partition.leaderId = node
            partition.leaderEpoch = PartitionLog.leaderEpoch
            partition.replicaNodes = [node]
            partition.isrNodes = [node]
            return partition
        }
        return topic
    }
}

/// What everybody may do, as bits by operation number, as long as there are no permissions.
/// Source: Kafka's AclOperation.
enum AuthorizedOperations {
    /// Read, write, create, delete, alter, describe, describe configs, alter configs.
    static let topic: Int32 = bits(3, 4, 5, 6, 7, 8, 10, 11)
    /// Read, delete, describe.
    static let group: Int32 = bits(3, 6, 8)
    /// Create, alter, describe, cluster action, describe configs, alter configs, idempotent write.
    static let cluster: Int32 = bits(5, 7, 8, 9, 10, 11, 12)

    private static func bits(_ operations: Int32...) -> Int32 {
        operations.reduce(0) { $0 | 1 << $1 }
    }
}
