import KafkaProtocol
import Model
import OrderedCollections

extension Group {
    /// Starts the join phase unless it runs already, and ends it where nobody is missing.
    mutating func prepareRebalance(
        now: Int64, options: GroupOptions, _ effects: inout [GroupEffect]
    ) {
        if phase != .preparingRebalance {
            let isFirst = phase == .empty
            refuseParkedSyncs(.rebalanceInProgress, now: now, &effects)
            syncDeadline = nil
            phase = .preparingRebalance
            let limit = now + longestRebalanceTimeoutNanoseconds
            let delay = nanoseconds(options.initialRebalanceDelayMilliseconds)
            if isFirst, delay > 0 {
                initialJoinLimit = limit
                joinDeadline = min(now + delay, limit)
            } else {
                joinDeadline = limit
            }
        }
        completeJoinIfReady(now: now, &effects)
    }

    mutating func completeJoinIfReady(now: Int64, _ effects: inout [GroupEffect]) {
        guard phase == .preparingRebalance, initialJoinLimit == nil, allMembersJoined else { return }
        completeJoin(now: now, &effects)
    }

    /// The join phase is over: whoever joined forms the next generation.
    mutating func completeJoin(now: Int64, _ effects: inout [GroupEffect]) {
        initialJoinLimit = nil
        joinDeadline = nil
        // Static members stay until their session ends; they may be restarting.
        for member in members.values where member.parkedJoin == nil && member.instanceID == nil {
            forget(member.id)
        }
        if members.isEmpty {
            generation = nextGeneration
            becomeEmpty()
            return
        }
        let joined = members.values.first { $0.id == leaderID && $0.parkedJoin != nil }
            ?? members.values.first { $0.parkedJoin != nil }
        guard let joined else {
            // Only static members that are away: give them another round.
            joinDeadline = now + max(longestRebalanceTimeoutNanoseconds, 1_000_000_000)
            return
        }
        leaderID = joined.id
        generation = nextGeneration
        protocolName = electedProtocol()
        phase = .completingRebalance
        syncDeadline = now + longestRebalanceTimeoutNanoseconds
        for id in Array(members.keys) {
            members[id]?.assignment = []
            if let token = members[id]?.parkedJoin {
                members[id]?.parkedJoin = nil
                members[id]?.owesSync = true
                effects.append(.joined(token, currentGeneration(for: id)))
            }
            touch(id, now: now)
        }
    }

    /// Generations count up and start again at 1, never through the negative ones that mean "none".
    private var nextGeneration: Int32 { generation == .max ? 1 : generation + 1 }

    mutating func becomeEmpty() {
        phase = .empty
        joinDeadline = nil
        initialJoinLimit = nil
        syncDeadline = nil
        leaderID = nil
        protocolName = nil
    }

    private mutating func refuseParkedSyncs(
        _ error: KafkaError, now: Int64, _ effects: inout [GroupEffect]
    ) {
        for id in Array(members.keys) {
            members[id]?.owesSync = false
            guard let token = members[id]?.parkedSync else { continue }
            members[id]?.parkedSync = nil
            touch(id, now: now)
            effects.append(.synced(token, SyncAnswer(error: error)))
        }
    }

    mutating func sync(
        _ command: SyncCommand, _ token: GroupReplyToken, now: Int64, _ effects: inout [GroupEffect]
    ) {
        func refuse(_ error: KafkaError) { effects.append(.synced(token, SyncAnswer(error: error))) }
        let identity = MemberIdentity(memberID: command.memberID, instanceID: command.instanceID)
        if let error = refusal(of: identity) { return refuse(error) }
        if command.generation != generation { return refuse(.illegalGeneration) }
        if let type = command.protocolType, type != protocolType {
            return refuse(.inconsistentGroupProtocol)
        }
        if let name = command.protocolName, name != protocolName {
            return refuse(.inconsistentGroupProtocol)
        }
        switch phase {
        case .empty: refuse(.unknownMemberId)
        case .preparingRebalance:
            touch(command.memberID, now: now)
            refuse(.rebalanceInProgress)
        case .stable:
            members[command.memberID]?.owesSync = false
            touch(command.memberID, now: now)
            effects.append(.synced(token, assignment(of: command.memberID)))
            endSyncPhaseIfComplete()
        case .completingRebalance:
            if let earlier = members[command.memberID]?.parkedSync {
                effects.append(.synced(earlier, SyncAnswer(error: .rebalanceInProgress)))
            }
            members[command.memberID]?.owesSync = false
            members[command.memberID]?.parkedSync = token
            members[command.memberID]?.deadline = nil
            if command.memberID == leaderID {
                assign(command.assignments, now: now, &effects)
            }
            endSyncPhaseIfComplete()
        }
    }

    /// The leader has assigned: everybody who waits gets its part. A member without one gets no bytes.
    private mutating func assign(
        _ assignments: [(memberID: String, assignment: [UInt8])], now: Int64,
        _ effects: inout [GroupEffect]
    ) {
        for (memberID, assignment) in assignments { members[memberID]?.assignment = assignment }
        phase = .stable
        for id in Array(members.keys) {
            guard let token = members[id]?.parkedSync else { continue }
            members[id]?.parkedSync = nil
            touch(id, now: now)
            effects.append(.synced(token, assignment(of: id)))
        }
    }

    private mutating func endSyncPhaseIfComplete() {
        if phase == .stable, !members.values.contains(where: \.owesSync) { syncDeadline = nil }
    }

    private func assignment(of memberID: String) -> SyncAnswer {
        var answer = SyncAnswer(error: .none)
        answer.protocolType = protocolType
        answer.protocolName = protocolName
        answer.assignment = members[memberID]?.assignment ?? []
        return answer
    }
}
