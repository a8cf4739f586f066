import HeapModule
import KafkaProtocol
import Model
import OrderedCollections

/// All consumer groups of the node.
///
/// Each request is one method: the command and the time go in; out comes a ``GroupDecision`` with records, which
/// the caller appends and gives back to ``apply(_:)`` at once, and effects, which are answers to parked
/// requests. Membership (see ``Group``) is soft state and changes as the command is taken; offsets are durable
/// and change in ``apply(_:)`` alone.
public struct GroupCoordinator: Sendable {
    public var options: GroupOptions
    public private(set) var offsets = CommittedOffsets()
    var groups: [String: Group] = [:]
    private var deadlines: Heap<Deadline> = []
    private var nextExpiryCheck: Int64?

    public init(options: GroupOptions = GroupOptions()) {
        self.options = options
    }

    /// Live, at once after a record was appended; and in replay.
    public mutating func apply(_ record: CoordinationRecord) {
        offsets.apply(record)
    }

    /// After replay: groups that had members have none now, and their offsets age from now on.
    public func recordsAfterReplay(now: GroupTime) -> [CoordinationRecord] {
        offsets.groups.compactMap { group, offsets in
            offsets.isOccupied ? .groupEmptied(group: group, at: now.wall) : nil
        }
    }

    // MARK: Members

    /// The answer comes as an effect with `token`, at once or when the rebalance completes.
    public mutating func join(
        _ command: JoinCommand, _ token: GroupReplyToken, now: GroupTime
    ) -> GroupDecision {
        var decision = GroupDecision()
        func refuse(_ error: KafkaError) -> GroupDecision {
            let answer = JoinAnswer(error: error, memberID: command.memberID)
            return GroupDecision(effects: [.joined(token, answer)])
        }
        if command.group.isEmpty { return refuse(.invalidGroupId) }
        let timeouts =
            options.minSessionTimeoutMilliseconds...options.maxSessionTimeoutMilliseconds
        if !timeouts.contains(command.sessionTimeoutMilliseconds) {
            return refuse(.invalidSessionTimeout)
        }
        if command.protocols.count > options.maxProtocolCount { return refuse(.invalidRequest) }
        if groups[command.group] == nil, !command.memberID.isEmpty { return refuse(.unknownMemberId) }
        change(command.group, now: now, &decision) { group, options, effects in
            group.join(
                command, token, now: now.monotonicNanoseconds, options: options, &effects)
        }
        return decision
    }

    /// The answer comes as an effect with `token`, at once or when the leader has assigned.
    public mutating func sync(
        _ command: SyncCommand, _ token: GroupReplyToken, now: GroupTime
    ) -> GroupDecision {
        var decision = GroupDecision()
        func refuse(_ error: KafkaError) -> GroupDecision {
            GroupDecision(effects: [.synced(token, SyncAnswer(error: error))])
        }
        if command.group.isEmpty { return refuse(.invalidGroupId) }
        if groups[command.group] == nil { return refuse(.unknownMemberId) }
        change(command.group, now: now, &decision) { group, _, effects in
            group.sync(command, token, now: now.monotonicNanoseconds, &effects)
        }
        return decision
    }

    public mutating func heartbeat(
        group: String, _ member: MemberIdentity, generation: Int32, now: GroupTime
    ) -> KafkaError {
        if group.isEmpty { return .invalidGroupId }
        // Only ever moves a deadline back, so the queue stays as it is.
        return groups[group]?.heartbeat(
            member, generation: generation, now: now.monotonicNanoseconds) ?? .unknownMemberId
    }

    /// Answers each member that leaves in its place.
    public mutating func leave(
        group: String, _ members: [MemberIdentity], now: GroupTime
    ) -> (answers: [KafkaError], GroupDecision) {
        var decision = GroupDecision()
        guard groups[group] != nil else {
            return (members.map { _ in .unknownMemberId }, decision)
        }
        var answers: [KafkaError] = []
        change(group, now: now, &decision) { group, options, effects in
            for member in members {
                answers.append(
                    group.leave(
                        member, now: now.monotonicNanoseconds, options: options, &effects))
            }
        }
        return (answers, decision)
    }

    // MARK: Time

    /// When ``tick(now:)`` is due, by the monotonic clock.
    public var nextDeadline: Int64? {
        let group = deadlines.min?.nanoseconds
        guard let check = nextExpiryCheck else { return group }
        return min(group ?? check, check)
    }

    /// Ends sessions and phases whose time is over, and forgets old offsets. May be called too early.
    public mutating func tick(now: GroupTime) -> GroupDecision {
        var decision = GroupDecision()
        while let due = deadlines.min, due.nanoseconds <= now.monotonicNanoseconds {
            deadlines.removeMin()
            guard groups[due.group]?.scheduledDeadline == due.nanoseconds else { continue }
            groups[due.group]?.scheduledDeadline = nil
            change(due.group, now: now, &decision) { group, options, effects in
                group.tick(now: now.monotonicNanoseconds, options: options, &effects)
            }
        }
        let check = nextExpiryCheck ?? now.monotonicNanoseconds
        if check <= now.monotonicNanoseconds {
            nextExpiryCheck =
                now.monotonicNanoseconds + options.expiryCheckIntervalMilliseconds * 1_000_000
            expireOffsets(now: now.wall, &decision)
        }
        return decision
    }

    private mutating func expireOffsets(now: Timestamp, _ decision: inout GroupDecision) {
        let limit = now.advanced(
            byNanoseconds: -(options.offsetRetentionMilliseconds * 1_000_000))
        for id in offsets.groups.keys {
            let subscribed: Set<String>? = if let group = groups[id] { group.subscribedTopics } else { [] }
            decision.records += offsets.expiring(
                group: id, hasMembers: groups[id].map { !$0.members.isEmpty } ?? false,
                subscribed: subscribed, limit: limit)
        }
        // A group that nobody is in and that holds nothing need not be remembered.
        groups = groups.filter { id, group in !group.isVacant }
    }

    /// Runs `body` on a group, made if need be, and sees to its deadline and to the record of its emptiness.
    private mutating func change(
        _ id: String, now: GroupTime, _ decision: inout GroupDecision,
        _ body: (inout Group, GroupOptions, inout [GroupEffect]) -> Void
    ) {
        let hadMembers = groups[id].map { !$0.members.isEmpty } ?? false
        body(&groups[id, default: Group(id: id)], options, &decision.effects)
        guard let group = groups[id] else { return }
        if let deadline = group.nextDeadline, deadline < group.scheduledDeadline ?? .max {
            groups[id]?.scheduledDeadline = deadline
            deadlines.insert(Deadline(nanoseconds: deadline, group: id))
        }
        guard offsets.isKnown(id), hadMembers == group.members.isEmpty else { return }
        decision.records.append(
            hadMembers ? .groupEmptied(group: id, at: now.wall) : .groupOccupied(group: id))
    }

    /// The group joined or left between two commits of its first offsets: they are noted as its members'.
    func occupancyRecord(for id: String) -> CoordinationRecord? {
        guard !offsets.isKnown(id), groups[id]?.members.isEmpty == false else { return nil }
        return .groupOccupied(group: id)
    }
}

/// When a group wants a tick. Stale entries are recognised by the group's own note and skipped.
private struct Deadline: Comparable, Sendable {
    var nanoseconds: Int64
    var group: String

    static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }
}
