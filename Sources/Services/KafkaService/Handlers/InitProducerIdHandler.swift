import Broker
import KafkaProtocol
import Model

/// Gives an idempotent producer its id.
enum InitProducerIdHandler: RequestHandler {
    static func handle(_ request: InitProducerIdRequest, _ exchange: Exchange) {
        var response = InitProducerIdResponse()
        response.producerEpoch = -1
        if let transactionalId = request.transactionalId {
            // Final for clients, which would retry most other errors for as long as they may.
            response.errorCode =
                transactionalId.isEmpty ? .invalidRequest : .transactionalIdAuthorizationFailed
            return exchange.answer(response)
        }
        do {
            response.producerId = try exchange.broker.takeProducerID().value
            response.producerEpoch = 0
            exchange.answerWhenDurable(response)
        } catch {
            response.errorCode = .kafkaStorageError
            exchange.answer(response)
        }
    }
}
