import Broker
import Catalog
import KafkaProtocol
import Model

enum CreateTopicsHandler: RequestHandler {
    typealias Wanted = CreateTopicsRequest.CreatableTopic
    typealias Result = CreateTopicsResponse.CreatableTopicResult

    static func handle(_ request: CreateTopicsRequest, _ exchange: Exchange) {
        var counts: [String: Int] = [:]
        for topic in request.topics { counts[topic.name, default: 0] += 1 }
        var answered: Set<String> = []
        var response = CreateTopicsResponse()
        for topic in request.topics {
            var result = Result()
            result.name = topic.name
            if counts[topic.name] != 1 {
                guard answered.insert(topic.name).inserted else { continue }
                result.errorCode = .invalidRequest
                result.errorMessage = "The request names this topic more than once."
            } else {
                create(topic, validateOnly: request.validateOnly, exchange, &result)
            }
            response.topics.append(result)
        }
        exchange.answerWhenDurable(response)
    }

    private static func create(
        _ topic: Wanted, validateOnly: Bool, _ exchange: Exchange, _ result: inout Result
    ) {
        let partitionCount: Int?
        switch plan(topic) {
        case .failure(let refusal):
            result.errorCode = refusal.error
            result.errorMessage = refusal.message
            return
        case .success(let count): partitionCount = count
        }
        var config: [String: String] = [:]
        for entry in topic.configs {
            guard let value = entry.value else {
                result.errorCode = .invalidConfig
                result.errorMessage = "\(entry.name) has no value."
                return
            }
            config[entry.name] = value
        }
        do {
            let made = try exchange.broker.createTopic(
                topic.name, partitionCount: partitionCount, config: config,
                validateOnly: validateOnly)
            result.topicId = made?.topicID ?? .none
            result.numPartitions = Int32(
                partitionCount ?? exchange.broker.options.defaultPartitionCount)
            result.replicationFactor = 1
            result.configs = TopicConfigs.entries(of: config).map { entry in
                var shown = CreateTopicsResponse.CreatableTopicConfigs()
                shown.name = entry.name
                shown.value = entry.value
                shown.configSource = entry.source
                return shown
            }
        } catch {
            result.errorCode = error.kafkaError
            result.errorMessage = error.message
        }
    }

    private struct Refusal: Error {
        var error: KafkaError
        var message: String
    }

    /// How many partitions are wanted, nil for the default. More replicas than there are nodes are taken for one:
    /// many tools insist on three.
    private static func plan(_ topic: Wanted) -> Swift.Result<Int?, Refusal> {
        func refuse(_ error: KafkaError, _ message: String) -> Swift.Result<Int?, Refusal> {
            .failure(Refusal(error: error, message: message))
        }
        guard topic.assignments.isEmpty else {
            if topic.numPartitions != -1 || topic.replicationFactor != -1 {
                return refuse(.invalidRequest, "Both an assignment and a count of partitions or replicas are given.")
            }
            let indexes = topic.assignments.map(\.partitionIndex).sorted()
            guard indexes == Array(0..<Int32(indexes.count)),
                topic.assignments.allSatisfy({ !$0.brokerIds.isEmpty })
            else {
                return refuse(.invalidReplicaAssignment, "The assignment does not name each partition once.")
            }
            return .success(indexes.count)
        }
        if topic.numPartitions != -1, topic.numPartitions < 1 {
            return refuse(.invalidPartitions, "A topic has at least one partition.")
        }
        if topic.replicationFactor != -1, topic.replicationFactor < 1 {
            return refuse(.invalidReplicationFactor, "A topic has at least one replica.")
        }
        return .success(topic.numPartitions == -1 ? nil : Int(topic.numPartitions))
    }
}
