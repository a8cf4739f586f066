import KafkaCoordination
import KafkaProtocol

enum DeleteGroupsHandler: RequestHandler {
    static func handle(_ request: DeleteGroupsRequest, _ exchange: Exchange) {
        var response = DeleteGroupsResponse()
        response.results = request.groupsNames.map { id in
            var result = DeleteGroupsResponse.DeletableGroupResult()
            result.groupId = id
            result.errorCode =
                exchange.service.coordinate { groups, _ in groups.delete(group: id) }
                ?? .kafkaStorageError
            return result
        }
        exchange.answerWhenDurable(response)
    }
}
