import KafkaProtocol
import Model
import OrderedCollections

/// One consumer group's membership: who is in it, which generation runs, what the members wait for.
///
///     empty                 ──► preparingRebalance (a member joins)
///     preparingRebalance    ──► completingRebalance (all joined, or time is up), empty (nobody is left)
///     completingRebalance   ──► stable (the leader assigned), preparingRebalance (somebody joined or left)
///     stable                ──► preparingRebalance (somebody joined, left or changed)
///     any                   ──► dead (deleted; the value is gone with it)
///
/// Membership is soft state. After a restart every group is empty; a member that goes on gets
/// `unknownMemberId`, joins again and a first generation forms, static members under their instance ids.
/// Member ids are never made twice, so no request of an old generation can pass for one of the new.
/// Offsets are durable and live in ``CommittedOffsets``.
///
/// Source: KIP-345 (static members), KIP-394 (member ids), KIP-559 (protocol fields), KIP-814 (skipped
/// assignment).
struct Group: Sendable {
    enum Phase: Sendable { case empty, preparingRebalance, completingRebalance, stable }

    let id: String
    var phase = Phase.empty
    var generation: Int32 = 0
    var protocolType: String?
    /// The protocol of the running generation.
    var protocolName: String?
    var leaderID: String?
    /// In the order of joining.
    var members: OrderedDictionary<String, GroupMember> = [:]
    var memberIDsByInstance: [String: String] = [:]
    /// Ids that were given out with `memberIdRequired`, and until when they may be used.
    var pendingDeadlines: [String: Int64] = [:]
    /// When the running join phase ends at the latest; while a group gathers its first members, when it ends.
    var joinDeadline: Int64?
    /// In the join phase of an empty group: ends by ``joinDeadline`` alone, and not after this.
    var initialJoinLimit: Int64?
    /// When members that did not ask for their assignment are dropped.
    var syncDeadline: Int64?
    /// The earliest entry for this group in the coordinator's queue of deadlines.
    var scheduledDeadline: Int64?

    init(id: String) { self.id = id }

    var isVacant: Bool { members.isEmpty && pendingDeadlines.isEmpty }

    /// When ``tick(now:options:_:)`` has to be called at the latest.
    var nextDeadline: Int64? {
        var next = [joinDeadline, syncDeadline].compactMap { $0 }.min()
        for deadline in pendingDeadlines.values { next = min(next ?? deadline, deadline) }
        for member in members.values {
            if let deadline = member.deadline { next = min(next ?? deadline, deadline) }
        }
        return next
    }

    var allMembersJoined: Bool {
        pendingDeadlines.isEmpty && members.values.allSatisfy { $0.parkedJoin != nil }
    }

    var longestRebalanceTimeoutNanoseconds: Int64 {
        members.values.map(\.rebalanceTimeoutNanoseconds).max() ?? 0
    }

    /// Whether a member with these protocols can be in the group.
    func supports(_ type: String, _ protocols: [GroupProtocol]) -> Bool {
        guard !type.isEmpty, !protocols.isEmpty else { return false }
        guard !members.isEmpty else { return true }
        return type == protocolType
            && protocols.contains { offered in
                members.values.allSatisfy { $0.supports(offered.name) }
            }
    }

    /// The protocol with the most votes: each member votes for the first of its own that all members know.
    /// Between equals, the one that the longest-standing member likes better.
    func electedProtocol() -> String? {
        guard let first = members.values.first else { return nil }
        let candidates = first.protocols.map(\.name).filter { name in
            members.values.allSatisfy { $0.supports(name) }
        }
        var votes: [String: Int] = [:]
        for member in members.values {
            if let vote = member.protocols.first(where: { candidates.contains($0.name) }) {
                votes[vote.name, default: 0] += 1
            }
        }
        var elected = candidates.first
        for candidate in candidates where votes[candidate, default: 0] > votes[elected ?? "", default: 0] {
            elected = candidate
        }
        return elected
    }

    /// The topics that members read, or nil where that cannot be known.
    var subscribedTopics: Set<String>? {
        guard !members.isEmpty else { return [] }
        guard protocolType == "consumer" else { return nil }
        var all: Set<String> = []
        for member in members.values {
            guard let topics = member.subscribedTopics else { return nil }
            all.formUnion(topics)
        }
        return all
    }

    /// Why `identity` may not act as a member, or nil if it may.
    func refusal(of identity: MemberIdentity) -> KafkaError? {
        if let instance = identity.instanceID {
            guard let holder = memberIDsByInstance[instance] else { return .unknownMemberId }
            if holder != identity.memberID { return .fencedInstanceId }
        }
        return members[identity.memberID] == nil ? .unknownMemberId : nil
    }

    /// A sign of life: the session starts anew.
    mutating func touch(_ memberID: String, now: Int64) {
        guard let member = members[memberID], member.parkedJoin == nil, member.parkedSync == nil
        else { return }
        members[memberID]?.deadline = now + member.sessionTimeoutNanoseconds
    }
}
