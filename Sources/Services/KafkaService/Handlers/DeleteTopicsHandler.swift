import Broker
import Catalog
import KafkaProtocol
import Model

enum DeleteTopicsHandler: RequestHandler {
    static func handle(_ request: DeleteTopicsRequest, _ exchange: Exchange) {
        var response = DeleteTopicsResponse()
        if exchange.version >= 6 {
            response.responses = request.topics.map { topic in
                if topic.name != nil, topic.topicId != .none {
                    return result(topic.name, topic.topicId, .invalidRequest)
                }
                let byID = topic.name == nil
                let stream = exchange.topic(
                    name: topic.name ?? "", id: topic.topicId, byID: byID)
                guard let stream else {
                    return result(
                        topic.name, topic.topicId, exchange.unknownTopic(byID: byID))
                }
                return delete(stream, exchange)
            }
        } else {
            response.responses = request.topicNames.map { name in
                guard let stream = exchange.broker.catalog.stream(topicName: name) else {
                    return result(name, .none, .unknownTopicOrPartition)
                }
                return delete(stream, exchange)
            }
        }
        exchange.answerWhenDurable(response)
    }

    private static func delete(
        _ stream: StreamEntry, _ exchange: Exchange
    ) -> DeleteTopicsResponse.DeletableTopicResult {
        var answer = result(stream.name, stream.topicID, .none)
        do {
            try exchange.broker.deleteStream(stream.id)
        } catch {
            answer.errorCode = error.kafkaError
            answer.errorMessage = error.message
        }
        return answer
    }

    private static func result(
        _ name: String?, _ id: TopicID, _ error: KafkaError
    ) -> DeleteTopicsResponse.DeletableTopicResult {
        var result = DeleteTopicsResponse.DeletableTopicResult()
        result.name = name
        result.topicId = id
        result.errorCode = error
        return result
    }
}
