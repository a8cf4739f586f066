import KafkaCoordination
import KafkaProtocol

/// Asks for a member's part, and brings the leader's assignment.
enum SyncGroupHandler: RequestHandler {
    static func handle(_ request: SyncGroupRequest, _ exchange: Exchange) {
        let command = SyncCommand(
            group: request.groupId, generation: request.generationId, memberID: request.memberId,
            instanceID: request.groupInstanceId, protocolType: request.protocolType,
            protocolName: request.protocolName,
            assignments: request.assignments.map { ($0.memberId, $0.assignment) })
        let token = exchange.service.park(exchange)
        _ = exchange.service.coordinate { groups, now in
            ((), groups.sync(command, token, now: now))
        }
    }
}

extension SyncGroupResponse {
    init(_ answer: SyncAnswer) {
        self.init()
        errorCode = answer.error
        protocolType = answer.protocolType
        protocolName = answer.protocolName
        assignment = answer.assignment
    }
}
