import KafkaProtocol
import Model
import OrderedCollections

/// A position that a group commits.
public struct OffsetCommit: Sendable {
    public var topic: String
    public var partition: Int32
    public var offset: Offset
    public var leaderEpoch: Int32
    public var metadata: String

    public init(
        topic: String, partition: Int32, offset: Offset, leaderEpoch: Int32, metadata: String
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
    }
}

extension GroupCoordinator {
    /// Answers each commit in its place. Whether the partitions exist is the caller's to know.
    ///
    /// - Parameter generation: -1 with an empty member id for a commit from outside the group, which is taken
    ///   while the group has no members.
    public mutating func commit(
        group id: String, _ member: MemberIdentity, generation: Int32, _ commits: [OffsetCommit],
        now: GroupTime
    ) -> (answers: [KafkaError], GroupDecision) {
        var decision = GroupDecision()
        if let error = commitRefusal(group: id, member, generation: generation) {
            return (commits.map { _ in error }, decision)
        }
        groups[id]?.touch(member.memberID, now: now.monotonicNanoseconds)
        var answers: [KafkaError] = []
        let occupancy = occupancyRecord(for: id)
        for commit in commits {
            guard commit.metadata.utf8.count <= options.maxOffsetMetadataByteCount else {
                answers.append(.offsetMetadataTooLarge)
                continue
            }
            answers.append(.none)
            decision.records.append(
                .offsetCommitted(
                    OffsetKey(group: id, topic: commit.topic, partition: commit.partition),
                    CommittedOffset(
                        offset: commit.offset, leaderEpoch: commit.leaderEpoch,
                        metadata: commit.metadata, commitTime: now.wall)))
        }
        if let occupancy, !decision.records.isEmpty { decision.records.append(occupancy) }
        return (answers, decision)
    }

    private func commitRefusal(
        group id: String, _ member: MemberIdentity, generation: Int32
    ) -> KafkaError? {
        if id.isEmpty { return .invalidGroupId }
        guard let group = groups[id] else {
            if generation < 0 { return nil }
            // After a restart, a member of a group that is known by its offsets: it has to join again.
            return offsets.isKnown(id) ? .unknownMemberId : .illegalGeneration
        }
        if generation < 0, group.phase == .empty { return nil }
        guard generation >= 0 || !member.memberID.isEmpty || member.instanceID != nil else {
            return .unknownMemberId
        }
        if let error = group.refusal(of: member) { return error }
        if generation != group.generation { return .illegalGeneration }
        // The member has joined the generation but not learnt what it reads: its positions are old ones.
        return group.phase == .completingRebalance ? .rebalanceInProgress : nil
    }

    /// The topic is gone: so are all positions in it.
    public func deletingTopic(_ topic: String) -> [CoordinationRecord] {
        offsets.forgetting(topic: topic)
    }

    /// Forgets a group and its offsets. `nonEmptyGroup` while it has members.
    public mutating func delete(group id: String) -> (answer: KafkaError, GroupDecision) {
        var decision = GroupDecision()
        if id.isEmpty { return (.invalidGroupId, decision) }
        let group = groups[id]
        if group == nil, !offsets.isKnown(id) { return (.groupIdNotFound, decision) }
        if let group, !group.members.isEmpty { return (.nonEmptyGroup, decision) }
        groups[id] = nil
        if offsets.isKnown(id) { decision.records.append(.groupForgotten(group: id)) }
        return (.none, decision)
    }

    /// Forgets single positions, each answered in its place: `groupSubscribedToTopic` where members still read
    /// the topic. The first error is the whole group's.
    public func deleteOffsets(
        group id: String, _ partitions: [(topic: String, partition: Int32)]
    ) -> (error: KafkaError, answers: [KafkaError], GroupDecision) {
        var decision = GroupDecision()
        if id.isEmpty { return (.invalidGroupId, [], decision) }
        let group = groups[id]
        if group == nil, !offsets.isKnown(id) { return (.groupIdNotFound, [], decision) }
        var subscribed: Set<String> = []
        if let group, !group.members.isEmpty {
            guard let topics = group.subscribedTopics else { return (.nonEmptyGroup, [], decision) }
            subscribed = topics
        }
        var answers: [KafkaError] = []
        for (topic, partition) in partitions {
            if subscribed.contains(topic) {
                answers.append(.groupSubscribedToTopic)
                continue
            }
            answers.append(.none)
            if offsets[id, topic, partition] != nil {
                decision.records.append(
                    .offsetForgotten(OffsetKey(group: id, topic: topic, partition: partition)))
            }
        }
        return (.none, answers, decision)
    }
}
