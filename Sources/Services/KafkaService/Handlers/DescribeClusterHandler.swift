import Broker
import KafkaProtocol

enum DescribeClusterHandler: RequestHandler {
    /// Endpoint types: 1 brokers, 2 controllers.
    private static let brokerEndpoints: Int8 = 1

    static func handle(_ request: DescribeClusterRequest, _ exchange: Exchange) {
        var response = DescribeClusterResponse()
        response.endpointType = brokerEndpoints
        guard request.endpointType == brokerEndpoints else {
            response.errorCode = request.endpointType == 2 ? .mismatchedEndpointType : .unsupportedEndpointType
            response.errorMessage = "This is a broker's endpoint."
            return exchange.answer(response)
        }
        var node = DescribeClusterResponse.DescribeClusterBroker()
        node.brokerId = exchange.service.options.nodeID
        node.host = exchange.session.host
        node.port = Int32(exchange.session.port)
        response.clusterId = exchange.broker.clusterID
        response.controllerId = node.brokerId
        response.brokers = [node]
        if request.includeClusterAuthorizedOperations {
            response.clusterAuthorizedOperations = AuthorizedOperations.cluster
        }
        exchange.answer(response)
    }
}
