import KafkaProtocol

/// This node coordinates every group. Nobody coordinates transactions and share groups yet.
enum FindCoordinatorHandler: RequestHandler {
    private static let group: Int8 = 0
    private static let transaction: Int8 = 1

    static func handle(_ request: FindCoordinatorRequest, _ exchange: Exchange) {
        var response = FindCoordinatorResponse()
        let (error, message) = refusal(of: request.keyType)
        if exchange.version >= 4 {
            response.coordinators = request.coordinatorKeys.map { key in
                var coordinator = FindCoordinatorResponse.Coordinator()
                coordinator.key = key
                coordinator.errorCode = error
                coordinator.errorMessage = message
                coordinator.nodeId = -1
                coordinator.port = -1
                if error == .none {
                    coordinator.nodeId = exchange.service.options.nodeID
                    coordinator.host = exchange.session.host
                    coordinator.port = Int32(exchange.session.port)
                }
                return coordinator
            }
        } else {
            response.errorCode = error
            response.errorMessage = message
            response.nodeId = -1
            response.port = -1
            if error == .none {
                response.nodeId = exchange.service.options.nodeID
                response.host = exchange.session.host
                response.port = Int32(exchange.session.port)
            }
        }
        exchange.answer(response)
    }

    /// An error that clients don't retry: they would wait for a coordinator for ever.
    private static func refusal(of keyType: Int8) -> (KafkaError, String?) {
        switch keyType {
        case group: (.none, nil)
        case transaction:
            (.transactionalIdAuthorizationFailed, "This broker does not serve transactions.")
        default: (.invalidRequest, "This broker coordinates groups only.")
        }
    }
}
