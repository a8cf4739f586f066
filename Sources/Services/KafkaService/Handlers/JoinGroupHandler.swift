import KafkaCoordination
import KafkaProtocol
import Transport

/// Joins a group; the answer comes when the group has gathered.
enum JoinGroupHandler: RequestHandler {
    static func handle(_ request: JoinGroupRequest, _ exchange: Exchange) {
        // Version 0 has one timeout for both.
        let rebalanceTimeout =
            request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs
        let command = JoinCommand(
            group: request.groupId, memberID: request.memberId,
            freshMemberID: freshMemberID(request.groupInstanceId ?? exchange.header.clientId),
            instanceID: request.groupInstanceId, clientID: exchange.header.clientId,
            clientHost: "/\(exchange.session.connection.remoteAddress.host)",
            sessionTimeoutMilliseconds: request.sessionTimeoutMs,
            rebalanceTimeoutMilliseconds: rebalanceTimeout, protocolType: request.protocolType,
            protocols: request.protocols.map {
                GroupProtocol(name: $0.name, metadata: $0.metadata)
            },
            requiresKnownMemberID: exchange.version >= 4, canSkipAssignment: exchange.version >= 9)
        let token = exchange.service.park(exchange)
        _ = exchange.service.coordinate { groups, now in
            ((), groups.join(command, token, now: now))
        }
    }

    /// The client's name, for people, and 128 random bits.
    private static func freshMemberID(_ name: String) -> String {
        func hex(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        let random = hex(.random(in: .min ... .max)) + hex(.random(in: .min ... .max))
        return "\(name.prefix(200))-\(random)"
    }
}

extension JoinGroupResponse {
    init(_ answer: JoinAnswer) {
        self.init()
        errorCode = answer.error
        generationId = answer.generation
        protocolType = answer.protocolType
        protocolName = answer.protocolName
        leader = answer.leaderID
        skipAssignment = answer.skipsAssignment
        memberId = answer.memberID
        members = answer.members.map { member in
            var entry = JoinGroupResponseMember()
            entry.memberId = member.memberID
            entry.groupInstanceId = member.instanceID
            entry.metadata = member.metadata
            return entry
        }
    }
}
