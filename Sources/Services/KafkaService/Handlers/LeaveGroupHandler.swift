import KafkaCoordination
import KafkaProtocol

enum LeaveGroupHandler: RequestHandler {
    static func handle(_ request: LeaveGroupRequest, _ exchange: Exchange) {
        let isBatch = exchange.version >= 3
        let members: [KafkaCoordination.MemberIdentity] =
            isBatch
            ? request.members.map {
                .init(memberID: $0.memberId, instanceID: $0.groupInstanceId)
            } : [.init(memberID: request.memberId, instanceID: nil)]
        var response = LeaveGroupResponse()
        if request.groupId.isEmpty {
            response.errorCode = .invalidGroupId
            return exchange.answer(response)
        }
        let answers = exchange.service.coordinate { groups, now in
            groups.leave(group: request.groupId, members, now: now)
        }
        // That the group is empty now could not be noted; the member has left all the same.
        let errors = answers ?? members.map { _ in .none }
        if isBatch {
            response.members = zip(members, errors).map { member, error in
                var entry = LeaveGroupResponse.MemberResponse()
                entry.memberId = member.memberID
                entry.groupInstanceId = member.instanceID
                entry.errorCode = error
                return entry
            }
        } else {
            response.errorCode = errors[0]
        }
        exchange.answer(response)
    }
}
