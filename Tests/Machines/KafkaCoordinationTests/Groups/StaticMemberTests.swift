import KafkaCoordination
import KafkaProtocol
import Model
import Testing

/// Kafka reference 6.1, static membership (KIP-345).
@Suite struct StaticMemberTests {
    var story = GroupStory()

    /// A stable group of a leader `a` and a follower `b`.
    mutating func stablePair() throws -> (a: String, b: String, generation: Int32) {
        let first = try #require(story.join(instance: "a", knownID: true).answer)
        #expect(first.error == .none, "a static member needs no id first")
        let second = story.join(instance: "b", knownID: true)
        let again = try #require(story.join(first.memberID, instance: "a").answer)
        let b = try #require(story.joins[second.token]).memberID
        _ = story.sync(b, again.generation, instance: "b")
        _ = story.sync(first.memberID, again.generation, instance: "a", assigns: [first.memberID, b])
        #expect(story.state() == "Stable")
        return (first.memberID, b, again.generation)
    }

    @Test mutating func `a static member returns to its assignment without a rebalance`() throws {
        let (a, oldB, generation) = try stablePair()
        let back = try #require(story.join(instance: "b", knownID: true).answer)
        #expect(back.error == .none)
        #expect(back.generation == generation)
        #expect(back.memberID != oldB)
        #expect(back.leaderID == a)
        #expect(story.state() == "Stable")
        let sync = try #require(story.sync(back.memberID, generation, instance: "b").answer)
        #expect(sync.assignment == Array(oldB.utf8))
        #expect(story.heartbeat(a, generation, instance: "a") == .none)
    }

    @Test mutating func `the replaced id is fenced`() throws {
        let (_, oldB, generation) = try stablePair()
        _ = story.join(instance: "b")
        #expect(story.heartbeat(oldB, generation, instance: "b") == .fencedInstanceId)
        #expect(story.join(oldB, instance: "b").answer?.error == .fencedInstanceId)
        #expect(story.sync(oldB, generation, instance: "b").answer?.error == .fencedInstanceId)
        #expect(story.leave(oldB, instance: "b") == .fencedInstanceId)
        #expect(story.heartbeat(oldB, generation) == .unknownMemberId)
    }

    @Test mutating func `a returning leader may be told to skip the assignment`() throws {
        let (_, b, generation) = try stablePair()
        let back = try #require(story.join(instance: "a", skips: true).answer)
        #expect(back.skipsAssignment)
        #expect(back.leaderID == back.memberID)
        #expect(back.members.map(\.memberID) == [back.memberID, b])
        #expect(back.generation == generation)
    }

    @Test mutating func `a returning leader that cannot skip is not told that it leads`() throws {
        let (oldA, _, generation) = try stablePair()
        let back = try #require(story.join(instance: "a").answer)
        #expect(!back.skipsAssignment)
        #expect(back.leaderID == oldA)
        #expect(back.members.isEmpty)
        #expect(back.generation == generation)
    }

    @Test mutating func `another subscription makes a returning member rebalance`() throws {
        let (a, _, generation) = try stablePair()
        let back = story.join(instance: "b", topics: ["t", "u"])
        #expect(back.answer == nil)
        #expect(story.heartbeat(a, generation, instance: "a") == .rebalanceInProgress)
        #expect(story.join(a, instance: "a").answer?.generation == generation + 1)
        #expect(story.joins[back.token]?.generation == generation + 1)
    }

    @Test mutating func `a static member that is away keeps its place until its session ends`() throws {
        let (a, b, generation) = try stablePair()
        story.pass(milliseconds: 5_000)
        // a rejoins at the cost of a rebalance; b does not come.
        let parked = story.join(a, instance: "a", topics: ["v"], rebalance: 6_000)
        _ = story.heartbeat(b, generation, instance: "b")
        story.pass(milliseconds: 9_999)
        #expect(story.joins[parked.token] == nil)
        story.pass(milliseconds: 2)
        let answer = try #require(story.joins[parked.token])
        #expect(answer.members.map(\.memberID) == [a])
    }

    @Test mutating func `members that are away without any patience do not keep the coordinator busy`()
        throws
    {
        let first = try #require(story.join(instance: "a", rebalance: 0).answer)
        _ = story.sync(first.memberID, 1, instance: "a", assigns: [first.memberID])
        // A dynamic member comes and goes; the static one is away and has a rebalance timeout of 0.
        let second = story.join(rebalance: 1)
        story.pass(milliseconds: 1)
        let secondID = try #require(story.joins[second.token]).memberID
        #expect(story.leave(secondID) == .none)
        #expect(story.state() == "PreparingRebalance")
        story.tick()
        let deadline = try #require(story.coordinator.nextDeadline)
        #expect(deadline > story.now.monotonicNanoseconds)
        story.pass(milliseconds: 10_000)
        #expect(story.state() == "Empty")
    }

    @Test mutating func `an administrator removes a static member by its instance alone`() throws {
        let (a, _, generation) = try stablePair()
        #expect(story.leave("", instance: "b") == .none)
        #expect(story.leave("", instance: "b") == .unknownMemberId)
        #expect(story.heartbeat(a, generation, instance: "a") == .rebalanceInProgress)
    }

    @Test mutating func `a second start fences the first while it waits`() throws {
        _ = try stablePair()
        let waiting = story.join(instance: "c")
        #expect(waiting.answer == nil)
        let usurper = story.join(instance: "c")
        #expect(story.joins[waiting.token]?.error == .fencedInstanceId)
        #expect(story.joins[usurper.token] == nil)
    }

    @Test mutating func `an instance that nobody has is unknown`() {
        let (ids, generation) = story.stableGroup(1)
        #expect(story.heartbeat(ids[0], generation, instance: "z") == .unknownMemberId)
    }
}
