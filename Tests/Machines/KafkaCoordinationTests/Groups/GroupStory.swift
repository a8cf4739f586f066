import KafkaCoordination
import KafkaProtocol
import Model

/// A group and its clients, told step by step. Each step returns what its request was answered with, or nil
/// while the answer is parked; ``answer(_:)`` finds it later.
struct GroupStory {
    var coordinator: GroupCoordinator
    /// The records of all steps, as they were appended.
    var journal: [CoordinationRecord] = []
    private(set) var joins: [UInt64: JoinAnswer] = [:]
    private(set) var syncs: [UInt64: SyncAnswer] = [:]
    private(set) var milliseconds: Int64 = 1_000_000
    private var lastToken: UInt64 = 0
    private var lastMember = 0
    /// Tokens that were answered more than once: never any.
    private(set) var answeredTwice: [UInt64] = []
    private(set) var joinTokens: Set<UInt64> = []
    private(set) var syncTokens: Set<UInt64> = []

    init(_ configure: (inout GroupOptions) -> Void = { _ in }) {
        var options = GroupOptions()
        configure(&options)
        coordinator = GroupCoordinator(options: options)
        tick()
    }

    var now: GroupTime {
        GroupTime(
            monotonicNanoseconds: milliseconds * 1_000_000,
            wall: Timestamp(milliseconds: 1_700_000_000_000 + milliseconds))
    }

    mutating func take(_ decision: GroupDecision) {
        for record in decision.records {
            journal.append(record)
            coordinator.apply(record)
        }
        for effect in decision.effects {
            switch effect {
            case .joined(let token, let answer):
                if joins.updateValue(answer, forKey: token.value) != nil {
                    answeredTwice.append(token.value)
                }
            case .synced(let token, let answer):
                if syncs.updateValue(answer, forKey: token.value) != nil {
                    answeredTwice.append(token.value)
                }
            }
        }
    }

    mutating func tick() { take(coordinator.tick(now: now)) }

    /// Lets time pass, with every deadline on the way met on time.
    mutating func pass(milliseconds count: Int64) {
        let end = milliseconds + count
        while let deadline = coordinator.nextDeadline, deadline <= end * 1_000_000 {
            milliseconds = max(milliseconds, (deadline + 999_999) / 1_000_000)
            tick()
        }
        milliseconds = end
    }

    private mutating func token() -> GroupReplyToken {
        lastToken += 1
        return GroupReplyToken(lastToken)
    }

    func answer(toJoin token: UInt64) -> JoinAnswer? { joins[token] }

    struct Join {
        var token: UInt64
        var answer: JoinAnswer?
    }

    /// One JoinGroup.
    mutating func join(
        _ member: String = "", instance: String? = nil, topics: [String] = ["t"],
        protocols: [String] = ["range"], type: String = "consumer", group: String = "g",
        session: Int32 = 10_000, rebalance: Int32 = 60_000, knownID: Bool = false,
        skips: Bool = false
    ) -> Join {
        lastMember += 1
        let token = token()
        joinTokens.insert(token.value)
        take(
            coordinator.join(
                JoinCommand(
                    group: group, memberID: member, freshMemberID: "m\(lastMember)",
                    instanceID: instance, clientID: "client", clientHost: "/10.0.0.1",
                    sessionTimeoutMilliseconds: session, rebalanceTimeoutMilliseconds: rebalance,
                    protocolType: type,
                    protocols: protocols.map {
                        GroupProtocol(name: $0, metadata: subscription(topics))
                    }, requiresKnownMemberID: knownID, canSkipAssignment: skips), token, now: now))
        return Join(token: token.value, answer: joins[token.value])
    }

    struct Sync {
        var token: UInt64
        var answer: SyncAnswer?
    }

    /// One SyncGroup; the leader assigns each member its own name.
    mutating func sync(
        _ member: String, _ generation: Int32, instance: String? = nil, assigns: [String] = [],
        group: String = "g", type: String? = nil, name: String? = nil
    ) -> Sync {
        let token = token()
        syncTokens.insert(token.value)
        take(
            coordinator.sync(
                SyncCommand(
                    group: group, generation: generation, memberID: member, instanceID: instance,
                    protocolType: type, protocolName: name,
                    assignments: assigns.map { ($0, Array($0.utf8)) }), token, now: now))
        return Sync(token: token.value, answer: syncs[token.value])
    }

    mutating func heartbeat(
        _ member: String, _ generation: Int32, instance: String? = nil, group: String = "g"
    ) -> KafkaError {
        coordinator.heartbeat(
            group: group, MemberIdentity(memberID: member, instanceID: instance),
            generation: generation, now: now)
    }

    mutating func leave(_ member: String, instance: String? = nil, group: String = "g") -> KafkaError {
        let (answers, decision) = coordinator.leave(
            group: group, [MemberIdentity(memberID: member, instanceID: instance)], now: now)
        take(decision)
        return answers[0]
    }

    mutating func commit(
        _ member: String, _ generation: Int32, offset: Int64, topic: String = "t",
        partition: Int32 = 0, metadata: String = "", group: String = "g"
    ) -> KafkaError {
        let (answers, decision) = coordinator.commit(
            group: group, MemberIdentity(memberID: member, instanceID: nil), generation: generation,
            [
                OffsetCommit(
                    topic: topic, partition: partition, offset: Offset(offset), leaderEpoch: 0,
                    metadata: metadata)
            ], now: now)
        take(decision)
        return answers[0]
    }

    func committed(_ topic: String = "t", _ partition: Int32 = 0, group: String = "g") -> Int64? {
        coordinator.offsets[group, topic, partition]?.offset.value
    }

    /// A stable group of `count` dynamic members; returns their ids, the leader first.
    mutating func stableGroup(_ count: Int) -> (members: [String], generation: Int32) {
        var tokens = [join().token]
        var ids = [joins[tokens[0]]!.memberID]
        for _ in 1..<max(count, 1) where count > 1 { tokens.append(join().token) }
        // The first joined alone; it learns of the others and joins again.
        if count > 1 { tokens[0] = join(ids[0]).token }
        ids = tokens.map { joins[$0]!.memberID }
        let generation = joins[tokens[0]]!.generation
        for id in ids.dropFirst() { _ = sync(id, generation) }
        _ = sync(ids[0], generation, assigns: ids)
        return (ids, generation)
    }

    func state(_ group: String = "g") -> String? { coordinator.describe(group)?.state }
}

/// The consumer subscription that begins a member's metadata.
func subscription(_ topics: [String]) -> [UInt8] {
    var bytes: [UInt8] = [0, 1, 0, 0, 0, UInt8(topics.count)]
    for topic in topics {
        bytes += [0, UInt8(topic.utf8.count)] + Array(topic.utf8)
    }
    return bytes + [0, 0, 0, 0]
}
