import KafkaProtocol
import Model
import OrderedCollections

extension Group {
    mutating func heartbeat(
        _ identity: MemberIdentity, generation: Int32, now: Int64
    ) -> KafkaError {
        if let error = refusal(of: identity) { return error }
        if generation != self.generation { return .illegalGeneration }
        switch phase {
        case .empty: return .unknownMemberId
        case .preparingRebalance:
            touch(identity.memberID, now: now)
            return .rebalanceInProgress
        case .completingRebalance, .stable:
            touch(identity.memberID, now: now)
            return .none
        }
    }

    /// One member leaves, or an administrator removes it.
    mutating func leave(
        _ identity: MemberIdentity, now: Int64, options: GroupOptions, _ effects: inout [GroupEffect]
    ) -> KafkaError {
        if identity.instanceID == nil, pendingDeadlines.removeValue(forKey: identity.memberID) != nil {
            completeJoinIfReady(now: now, &effects)
            return .none
        }
        var leaving = identity
        if identity.memberID.isEmpty, let instance = identity.instanceID {
            guard let holder = memberIDsByInstance[instance] else { return .unknownMemberId }
            leaving.memberID = holder
        }
        if let error = refusal(of: leaving) { return error }
        remove(leaving.memberID, now: now, options: options, &effects)
        return .none
    }

    /// Everything whose time has come.
    mutating func tick(now: Int64, options: GroupOptions, _ effects: inout [GroupEffect]) {
        let isOver = { (deadline: Int64?) in deadline.map { $0 <= now } ?? false }
        pendingDeadlines = pendingDeadlines.filter { $0.value > now }
        for member in Array(members.values) where isOver(member.deadline) {
            remove(member.id, now: now, options: options, &effects)
        }
        if phase == .preparingRebalance, isOver(joinDeadline) {
            completeJoin(now: now, &effects)
        }
        completeJoinIfReady(now: now, &effects)
        if isOver(syncDeadline) {
            syncDeadline = nil
            for member in Array(members.values) where member.owesSync {
                remove(member.id, now: now, options: options, &effects)
            }
        }
    }

    /// Takes a member out and lets the others rebalance.
    private mutating func remove(
        _ memberID: String, now: Int64, options: GroupOptions, _ effects: inout [GroupEffect]
    ) {
        guard let member = members[memberID] else { return }
        if let token = member.parkedJoin {
            let answer = JoinAnswer(error: .unknownMemberId, memberID: memberID)
            effects.append(.joined(token, answer))
        }
        if let token = member.parkedSync {
            effects.append(.synced(token, SyncAnswer(error: .unknownMemberId)))
        }
        forget(memberID)
        switch phase {
        case .empty: break
        case .preparingRebalance: completeJoinIfReady(now: now, &effects)
        case .completingRebalance, .stable: prepareRebalance(now: now, options: options, &effects)
        }
    }

    mutating func forget(_ memberID: String) {
        guard let member = members.removeValue(forKey: memberID) else { return }
        if let instance = member.instanceID, memberIDsByInstance[instance] == memberID {
            memberIDsByInstance[instance] = nil
        }
        if leaderID == memberID { leaderID = members.keys.first }
    }
}
