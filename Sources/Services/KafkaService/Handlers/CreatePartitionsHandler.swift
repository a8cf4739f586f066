import Broker
import Catalog
import KafkaProtocol

/// Gives topics more partitions, never fewer.
enum CreatePartitionsHandler: RequestHandler {
    static func handle(_ request: CreatePartitionsRequest, _ exchange: Exchange) {
        var response = CreatePartitionsResponse()
        var counts: [String: Int] = [:]
        for topic in request.topics { counts[topic.name, default: 0] += 1 }
        response.results = request.topics.map { topic in
            var result = CreatePartitionsResponse.CreatePartitionsTopicResult()
            result.name = topic.name
            guard counts[topic.name] == 1 else {
                result.errorCode = .invalidRequest
                result.errorMessage = "The request names this topic more than once."
                return result
            }
            guard let stream = exchange.broker.catalog.stream(topicName: topic.name) else {
                result.errorCode = .unknownTopicOrPartition
                return result
            }
            if let assignments = topic.assignments,
                assignments.count != Int(topic.count) - stream.partitionCount
            {
                result.errorCode = .invalidReplicaAssignment
                result.errorMessage = "The assignment does not cover the new partitions."
                return result
            }
            do throws(CatalogFailure) {
                try exchange.broker.addPartitions(
                    stream.id, newTotal: Int(topic.count), validateOnly: request.validateOnly)
            } catch {
                result.errorCode = error.kafkaError
                result.errorMessage = error.message
            }
            return result
        }
        exchange.answerWhenDurable(response)
    }
}
