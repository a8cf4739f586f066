import KafkaCoordination
import KafkaProtocol
import Model
import Testing

/// Kafka reference 6.2: commits and their expiry.
@Suite struct OffsetTests {
    var story = GroupStory()
    let day: Int64 = 86_400_000

    @Test mutating func `a member commits and the group remembers`() {
        let (ids, generation) = story.stableGroup(1)
        #expect(story.commit(ids[0], generation, offset: 41) == .none)
        #expect(story.commit(ids[0], generation, offset: 42, metadata: "note") == .none)
        #expect(story.committed() == 42)
        #expect(story.coordinator.offsets["g", "t", 0]?.metadata == "note")
        #expect(story.coordinator.offsets["g", "t", 1] == nil)
        #expect(story.coordinator.offsets["h", "t", 0] == nil)
    }

    @Test mutating func `commits are checked against generation and member`() {
        let (ids, generation) = story.stableGroup(1)
        #expect(story.commit(ids[0], generation + 1, offset: 1) == .illegalGeneration)
        #expect(story.commit("who", generation, offset: 1) == .unknownMemberId)
        #expect(story.commit("", -1, offset: 1) == .unknownMemberId)
        #expect(story.commit("", -1, offset: 1, group: "") == .invalidGroupId)
        #expect(story.commit("who", 3, offset: 1, group: "other") == .illegalGeneration)
        #expect(story.committed() == nil)
    }

    @Test mutating func `a member that has joined but not synced is in a rebalance`() throws {
        let (ids, generation) = story.stableGroup(2)
        _ = story.join(ids[0])
        // The old generation may still commit what it has read.
        #expect(story.commit(ids[1], generation, offset: 7) == .none)
        _ = story.join(ids[1])
        #expect(story.commit(ids[1], generation + 1, offset: 8) == .rebalanceInProgress)
        #expect(story.committed() == 7)
    }

    @Test mutating func `a group without members takes commits from outside`() {
        #expect(story.commit("", -1, offset: 5, group: "simple") == .none)
        #expect(story.committed(group: "simple") == 5)
    }

    @Test mutating func `long metadata is refused`() {
        let long = String(repeating: "x", count: 4_097)
        #expect(story.commit("", -1, offset: 5, metadata: long) == .offsetMetadataTooLarge)
        #expect(story.committed() == nil)
        #expect(story.commit("", -1, offset: 5, metadata: String(long.dropLast())) == .none)
    }

    @Test mutating func `a commit is a sign of life`() {
        let (ids, generation) = story.stableGroup(1)
        for offset in 1...5 as ClosedRange<Int64> {
            story.pass(milliseconds: 9_000)
            #expect(story.commit(ids[0], generation, offset: offset) == .none)
        }
    }

    @Test mutating func `after a restart offsets are there and members join again`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 9)
        var restarted = GroupStory()
        for record in story.journal { restarted.coordinator.apply(record) }
        restarted.take(
            GroupDecision(
                records: restarted.coordinator.recordsAfterReplay(now: restarted.now)))
        #expect(restarted.committed() == 9)
        #expect(restarted.heartbeat(ids[0], generation) == .unknownMemberId)
        #expect(restarted.commit(ids[0], generation, offset: 10) == .unknownMemberId)
        #expect(restarted.join(ids[0]).answer?.error == .unknownMemberId)
        #expect(restarted.join().answer?.generation == 1)
        #expect(restarted.committed() == 9)
    }

    @Test mutating func `offsets of an empty group are kept for seven days`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 9)
        story.pass(milliseconds: 8_000)
        #expect(story.leave(ids[0]) == .none)
        story.pass(milliseconds: 7 * day - 700_000)
        #expect(story.committed() == 9)
        story.pass(milliseconds: 1_400_000)
        #expect(story.committed() == nil)
        #expect(story.state() == nil)
    }

    @Test mutating func `the age counts from when the last member left, across a restart`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 9)
        // The group reads on for ten days without a commit.
        for _ in 0..<(10 * 24 * 400) {
            story.pass(milliseconds: 9_000)
            guard story.heartbeat(ids[0], generation) == .none else {
                Issue.record("the session ended early")
                return
            }
        }
        #expect(story.committed() == 9)
        // kill -9; the next start finds the group in use until now.
        var restarted = GroupStory()
        restarted.pass(milliseconds: 10 * day)
        for record in story.journal { restarted.coordinator.apply(record) }
        restarted.take(
            GroupDecision(
                records: restarted.coordinator.recordsAfterReplay(now: restarted.now)))
        restarted.pass(milliseconds: 6 * day)
        #expect(restarted.committed() == 9)
        restarted.pass(milliseconds: 2 * day)
        #expect(restarted.committed() == nil)
    }

    @Test mutating func `a topic that the group no longer reads ages by its last commit`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 1, topic: "t")
        _ = story.commit(ids[0], generation, offset: 2, topic: "left")
        for _ in 0..<(8 * 24 * 400) {
            story.pass(milliseconds: 9_000)
            _ = story.heartbeat(ids[0], generation)
        }
        #expect(story.committed("t") == 1)
        #expect(story.committed("left") == nil)
    }

    @Test mutating func `deleting a topic forgets its offsets in every group`() {
        _ = story.commit("", -1, offset: 1, topic: "t", group: "one")
        _ = story.commit("", -1, offset: 2, topic: "t", partition: 3, group: "two")
        _ = story.commit("", -1, offset: 3, topic: "u", group: "two")
        story.take(GroupDecision(records: story.coordinator.deletingTopic("t")))
        #expect(story.committed("t", group: "one") == nil)
        #expect(story.committed("t", 3, group: "two") == nil)
        #expect(story.committed("u", group: "two") == 3)
    }

    @Test mutating func `only a group without members is deleted`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 9)
        #expect(story.coordinator.delete(group: "g").answer == .nonEmptyGroup)
        _ = story.leave(ids[0])
        let (answer, decision) = story.coordinator.delete(group: "g")
        #expect(answer == .none)
        story.take(decision)
        #expect(story.committed() == nil)
        #expect(story.coordinator.delete(group: "g").answer == .groupIdNotFound)
    }

    @Test mutating func `offsets of topics that members read cannot be deleted`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 1, topic: "t")
        _ = story.commit(ids[0], generation, offset: 2, topic: "u")
        let (error, answers, decision) = story.coordinator.deleteOffsets(
            group: "g", [("t", 0), ("u", 0), ("v", 0)])
        #expect(error == .none)
        #expect(answers == [.groupSubscribedToTopic, .none, .none])
        story.take(decision)
        #expect(story.committed("t") == 1)
        #expect(story.committed("u") == nil)
    }

    @Test mutating func `a snapshot's records make the same table`() {
        let (ids, generation) = story.stableGroup(1)
        _ = story.commit(ids[0], generation, offset: 1)
        _ = story.commit("", -1, offset: 2, topic: "u", group: "simple")
        var copy = CommittedOffsets()
        for record in story.coordinator.offsets.records { copy.apply(record) }
        #expect(Set(copy.records) == Set(story.coordinator.offsets.records))
        #expect(copy["g", "t", 0] == story.coordinator.offsets["g", "t", 0])
    }
}
