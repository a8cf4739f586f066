import Broker
import KafkaCoordination
import KafkaProtocol

enum DescribeGroupsHandler: RequestHandler {
    static func handle(_ request: DescribeGroupsRequest, _ exchange: Exchange) {
        var response = DescribeGroupsResponse()
        response.groups = request.groups.map { id in
            var group = DescribeGroupsResponse.DescribedGroup()
            group.groupId = id
            guard let description = exchange.broker.groups.describe(id) else {
                group.groupState = "Dead"
                if exchange.version >= 6 {
                    group.errorCode = .groupIdNotFound
                    group.errorMessage = "There is no group \(id)."
                }
                return group
            }
            group.groupState = description.state
            group.protocolType = description.protocolType
            group.protocolData = description.protocolName
            group.members = description.members.map { member in
                var entry = DescribeGroupsResponse.DescribedGroupMember()
                entry.memberId = member.memberID
                entry.groupInstanceId = member.instanceID
                entry.clientId = member.clientID
                entry.clientHost = member.clientHost
                entry.memberMetadata = member.metadata
                entry.memberAssignment = member.assignment
                return entry
            }
            if request.includeAuthorizedOperations {
                group.authorizedOperations = AuthorizedOperations.group
            }
            return group
        }
        exchange.answer(response)
    }
}
