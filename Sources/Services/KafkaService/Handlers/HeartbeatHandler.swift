import KafkaCoordination
import KafkaProtocol

enum HeartbeatHandler: RequestHandler {
    static func handle(_ request: HeartbeatRequest, _ exchange: Exchange) {
        let member = MemberIdentity(
            memberID: request.memberId, instanceID: request.groupInstanceId)
        var response = HeartbeatResponse()
        response.errorCode =
            exchange.service.coordinate { groups, now in
                (
                    groups.heartbeat(
                        group: request.groupId, member, generation: request.generationId, now: now),
                    GroupDecision()
                )
            } ?? .kafkaStorageError
        exchange.answer(response)
    }
}
