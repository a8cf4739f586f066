import KafkaProtocol
import Model
import OrderedCollections

extension Group {
    /// A JoinGroup that passed the checks which need no group.
    mutating func join(
        _ command: JoinCommand, _ token: GroupReplyToken, now: Int64, options: GroupOptions,
        _ effects: inout [GroupEffect]
    ) {
        func refuse(_ error: KafkaError, memberID: String) {
            effects.append(.joined(token, JoinAnswer(error: error, memberID: memberID)))
        }
        guard hasRoom(for: command.memberID, limit: options.maxMemberCount) else {
            pendingDeadlines[command.memberID] = nil
            return refuse(.groupMaxSizeReached, memberID: "")
        }
        guard supports(command.protocolType, command.protocols) else {
            return refuse(.inconsistentGroupProtocol, memberID: command.memberID)
        }
        if !command.memberID.isEmpty {
            return rejoin(command, token, now: now, options: options, &effects)
        }
        let newID = command.freshMemberID
        if let instance = command.instanceID {
            if let oldID = memberIDsByInstance[instance] {
                takeOver(oldID, as: newID, command, token, now: now, options: options, &effects)
            } else {
                add(command, id: newID, token, now: now, options: options, &effects)
            }
        } else if command.requiresKnownMemberID {
            guard pendingDeadlines.count < options.maxPendingMemberCount else {
                return refuse(.groupMaxSizeReached, memberID: "")
            }
            pendingDeadlines[newID] = now + nanoseconds(command.sessionTimeoutMilliseconds)
            refuse(.memberIdRequired, memberID: newID)
        } else {
            add(command, id: newID, token, now: now, options: options, &effects)
        }
    }

    private func hasRoom(for memberID: String, limit: Int) -> Bool {
        let isMember = members[memberID] != nil
        switch phase {
        case .empty: return true
        case .preparingRebalance:
            if let member = members[memberID], member.parkedJoin != nil { return true }
            return members.values.count { $0.parkedJoin != nil } < limit
        case .completingRebalance, .stable: return isMember || members.count < limit
        }
    }

    /// A member joins with the id that it was given.
    private mutating func rejoin(
        _ command: JoinCommand, _ token: GroupReplyToken, now: Int64, options: GroupOptions,
        _ effects: inout [GroupEffect]
    ) {
        let id = command.memberID
        if command.instanceID == nil, pendingDeadlines.removeValue(forKey: id) != nil {
            return add(command, id: id, token, now: now, options: options, &effects)
        }
        if let error = refusal(of: MemberIdentity(memberID: id, instanceID: command.instanceID)) {
            effects.append(.joined(token, JoinAnswer(error: error, memberID: id)))
            return
        }
        let isUnchanged = members[id]?.protocols == command.protocols
        let isLeader = leaderID == id
        switch phase {
        case .completingRebalance where isUnchanged, .stable where isUnchanged && !isLeader:
            // The answer was lost on its way, or the member asks again: the generation stands.
            touch(id, now: now)
            effects.append(.joined(token, currentGeneration(for: id)))
        case .empty, .preparingRebalance, .completingRebalance, .stable:
            update(id, command)
            park(id, token, now: now, &effects)
            prepareRebalance(now: now, options: options, &effects)
        }
    }

    private mutating func add(
        _ command: JoinCommand, id: String, _ token: GroupReplyToken, now: Int64, options: GroupOptions,
        _ effects: inout [GroupEffect]
    ) {
        if members.isEmpty { protocolType = command.protocolType }
        if leaderID == nil { leaderID = id }
        members[id] = GroupMember(
            id: id, instanceID: command.instanceID, clientID: command.clientID,
            clientHost: command.clientHost,
            sessionTimeoutNanoseconds: nanoseconds(command.sessionTimeoutMilliseconds),
            rebalanceTimeoutNanoseconds: nanoseconds(command.rebalanceTimeoutMilliseconds),
            protocols: command.protocols)
        if let instance = command.instanceID { memberIDsByInstance[instance] = id }
        members[id]?.parkedJoin = token
        members[id]?.deadline = now + options.newMemberTimeoutMilliseconds * 1_000_000
        if let limit = initialJoinLimit {
            // Another first member: wait once more, for it may not be the last.
            joinDeadline = min(now + nanoseconds(options.initialRebalanceDelayMilliseconds), limit)
        }
        prepareRebalance(now: now, options: options, &effects)
    }

    /// A static member comes back without its member id: it gets a new one and the old one is fenced.
    private mutating func takeOver(
        _ oldID: String, as newID: String, _ command: JoinCommand, _ token: GroupReplyToken, now: Int64,
        options: GroupOptions, _ effects: inout [GroupEffect]
    ) {
        guard var member = members[oldID] else {
            preconditionFailure("instance \(command.instanceID ?? "") names no member of \(id)")
        }
        if let parked = member.parkedJoin {
            effects.append(.joined(parked, JoinAnswer(error: .fencedInstanceId, memberID: oldID)))
        }
        if let parked = member.parkedSync {
            effects.append(.synced(parked, SyncAnswer(error: .fencedInstanceId)))
        }
        member.parkedJoin = nil
        member.parkedSync = nil
        member.id = newID
        let topicsBefore = member.subscribedTopics
        let wasLeader = leaderID == oldID
        replace(oldID, with: member)
        if wasLeader { leaderID = newID }
        if let instance = command.instanceID { memberIDsByInstance[instance] = newID }
        update(newID, command)
        touch(newID, now: now)

        let keepsSubscription = protocolType != "consumer"
            || members[newID]?.subscribedTopics == topicsBefore
        if phase == .stable, keepsSubscription, electedProtocol() == protocolName {
            var answer = currentGeneration(for: newID)
            answer.skipsAssignment = wasLeader && command.canSkipAssignment
            if wasLeader, !command.canSkipAssignment {
                // It would assign anew if it took itself for the leader.
                answer.leaderID = oldID
                answer.members = []
            }
            effects.append(.joined(token, answer))
            return
        }
        park(newID, token, now: now, &effects)
        prepareRebalance(now: now, options: options, &effects)
    }

    /// Puts `member` under its new id at the place of the old one.
    private mutating func replace(_ oldID: String, with member: GroupMember) {
        guard let index = members.index(forKey: oldID) else { return }
        members.remove(at: index)
        members.updateValue(member, forKey: member.id, insertingAt: index)
    }

    private mutating func update(_ memberID: String, _ command: JoinCommand) {
        members[memberID]?.protocols = command.protocols
        members[memberID]?.clientID = command.clientID
        members[memberID]?.clientHost = command.clientHost
        members[memberID]?.sessionTimeoutNanoseconds = nanoseconds(command.sessionTimeoutMilliseconds)
        members[memberID]?.rebalanceTimeoutNanoseconds = nanoseconds(
            command.rebalanceTimeoutMilliseconds)
    }

    /// Keeps the JoinGroup until the rebalance completes. One that the same member sent before is answered.
    private mutating func park(
        _ memberID: String, _ token: GroupReplyToken, now: Int64, _ effects: inout [GroupEffect]
    ) {
        if let earlier = members[memberID]?.parkedJoin {
            let answer = JoinAnswer(error: .rebalanceInProgress, memberID: memberID)
            effects.append(.joined(earlier, answer))
        }
        members[memberID]?.parkedJoin = token
        members[memberID]?.deadline = nil
    }

    /// The answer to a join into the generation that runs.
    func currentGeneration(for memberID: String) -> JoinAnswer {
        var answer = JoinAnswer(error: .none, memberID: memberID)
        answer.generation = generation
        answer.protocolType = protocolType
        answer.protocolName = protocolName
        answer.leaderID = leaderID ?? ""
        if memberID == leaderID {
            answer.members = members.values.map {
                JoinAnswer.Member(
                    memberID: $0.id, instanceID: $0.instanceID,
                    metadata: $0.metadata(of: protocolName))
            }
        }
        return answer
    }
}

func nanoseconds(_ milliseconds: Int32) -> Int64 { Int64(milliseconds) * 1_000_000 }
