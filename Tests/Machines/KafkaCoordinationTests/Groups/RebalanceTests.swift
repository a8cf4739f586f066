import KafkaCoordination
import KafkaProtocol
import Model
import Testing

/// Kafka reference 6.1: joining, syncing, leaving and being late.
@Suite struct RebalanceTests {
    var story = GroupStory()

    @Test mutating func `a single member leads and is stable after its first sync`() throws {
        let join = try #require(story.join().answer)
        #expect(join.error == .none)
        #expect(join.generation == 1)
        #expect(join.leaderID == join.memberID)
        #expect(join.members.map(\.memberID) == [join.memberID])
        #expect(join.protocolType == "consumer")
        #expect(join.protocolName == "range")
        #expect(story.state() == "CompletingRebalance")

        let sync = try #require(
            story.sync(join.memberID, 1, assigns: [join.memberID]).answer)
        #expect(sync.error == .none)
        #expect(sync.assignment == Array(join.memberID.utf8))
        #expect(story.state() == "Stable")
        #expect(story.heartbeat(join.memberID, 1) == .none)
    }

    @Test mutating func `from version 4 on a member gets its id first`() throws {
        let first = try #require(story.join(knownID: true).answer)
        #expect(first.error == .memberIdRequired)
        #expect(!first.memberID.isEmpty)
        #expect(first.generation == -1)
        let second = try #require(story.join(first.memberID, knownID: true).answer)
        #expect(second.error == .none)
        #expect(second.memberID == first.memberID)
    }

    @Test mutating func `an id that nobody joined with is forgotten`() throws {
        let first = try #require(story.join(session: 6_000, knownID: true).answer)
        story.pass(milliseconds: 6_001)
        #expect(story.join(first.memberID, knownID: true).answer?.error == .unknownMemberId)
    }

    @Test mutating func `two members rebalance`() throws {
        let one = try #require(story.join().answer).memberID
        _ = story.sync(one, 1, assigns: [one])

        let two = story.join()
        #expect(two.answer == nil)
        #expect(story.state() == "PreparingRebalance")
        #expect(story.heartbeat(one, 1) == .rebalanceInProgress)

        let again = try #require(story.join(one).answer)
        let twoAnswer = try #require(story.joins[two.token])
        #expect(again.generation == 2)
        #expect(twoAnswer.generation == 2)
        #expect(again.leaderID == one)
        #expect(twoAnswer.leaderID == one)
        #expect(again.members.map(\.memberID) == [one, twoAnswer.memberID])
        #expect(twoAnswer.members.isEmpty)

        // The follower waits for the leader.
        let follower = story.sync(twoAnswer.memberID, 2)
        #expect(follower.answer == nil)
        _ = story.sync(one, 2, assigns: [one, twoAnswer.memberID])
        #expect(story.syncs[follower.token]?.assignment == Array(twoAnswer.memberID.utf8))
        #expect(story.state() == "Stable")
    }

    @Test mutating func `a follower that the leader forgot gets no bytes`() throws {
        let (ids, generation) = story.stableGroup(2)
        _ = story.join(ids[0])
        _ = story.join(ids[1])
        let follower = story.sync(ids[1], generation + 1)
        _ = story.sync(ids[0], generation + 1, assigns: [ids[0]])
        let answer = try #require(story.syncs[follower.token])
        #expect(answer.error == .none)
        #expect(answer.assignment == [])
    }

    @Test mutating func `whoever does not rejoin in time is dropped`() throws {
        let (ids, generation) = story.stableGroup(3)
        // The leader joins again with a short way to go; member 2 keeps alive but never joins.
        let waiting = [story.join(ids[0]), story.join(ids[1])]
        for _ in 0..<11 {
            story.pass(milliseconds: 5_000)
            #expect(story.heartbeat(ids[2], generation) == .rebalanceInProgress)
        }
        #expect(waiting.allSatisfy { story.joins[$0.token] == nil })
        story.pass(milliseconds: 5_000)
        let answer = try #require(story.joins[waiting[0].token])
        #expect(answer.generation == generation + 1)
        #expect(answer.members.map(\.memberID) == [ids[0], ids[1]])
        #expect(story.heartbeat(ids[2], generation) == .unknownMemberId)
    }

    @Test mutating func `a session that ends triggers a rebalance`() {
        let (ids, generation) = story.stableGroup(2)
        story.pass(milliseconds: 9_000)
        #expect(story.heartbeat(ids[0], generation) == .none)
        story.pass(milliseconds: 1_001)
        #expect(story.state() == "PreparingRebalance")
        #expect(story.heartbeat(ids[1], generation) == .unknownMemberId)
        let join = story.join(ids[0])
        #expect(join.answer?.generation == generation + 1)
    }

    @Test mutating func `the last member's end leaves an empty group`() {
        let (ids, generation) = story.stableGroup(1)
        story.pass(milliseconds: 10_001)
        #expect(story.state() == "Empty")
        #expect(story.heartbeat(ids[0], generation) == .unknownMemberId)
        #expect(story.join().answer?.generation == generation + 2)
    }

    @Test mutating func `the leader leaves in the middle of a rebalance`() throws {
        let (ids, generation) = story.stableGroup(3)
        let second = story.join(ids[1], topics: ["t", "u"])
        let third = story.join(ids[2])
        #expect(second.answer == nil)
        #expect(story.leave(ids[0]) == .none)
        let secondAnswer = try #require(story.joins[second.token])
        let thirdAnswer = try #require(story.joins[third.token])
        #expect(secondAnswer.generation == generation + 1)
        #expect(secondAnswer.leaderID == ids[1])
        #expect(secondAnswer.members.map(\.memberID) == [ids[1], ids[2]])
        #expect(thirdAnswer.leaderID == ids[1])
    }

    @Test mutating func `the leader leaves before it assigned`() throws {
        let (ids, generation) = story.stableGroup(2)
        _ = story.join(ids[0])
        _ = story.join(ids[1])
        let parked = story.sync(ids[1], generation + 1)
        #expect(parked.answer == nil)
        #expect(story.leave(ids[0]) == .none)
        #expect(story.syncs[parked.token]?.error == .rebalanceInProgress)
        let join = try #require(story.join(ids[1]).answer)
        #expect(join.leaderID == ids[1])
        #expect(join.generation == generation + 2)
    }

    @Test mutating func `members that never ask for their part are dropped`() throws {
        let (ids, generation) = story.stableGroup(2)
        _ = story.join(ids[0])
        _ = story.join(ids[1])
        let parked = story.sync(ids[1], generation + 1)
        // The leader lives but never syncs.
        for _ in 0..<12 {
            story.pass(milliseconds: 4_999)
            #expect(story.heartbeat(ids[0], generation + 1) == .none)
        }
        story.pass(milliseconds: 100)
        #expect(story.syncs[parked.token]?.error == .rebalanceInProgress)
        #expect(story.heartbeat(ids[0], generation + 1) == .unknownMemberId)
        #expect(story.join(ids[1]).answer?.leaderID == ids[1])
    }

    @Test mutating func `a join that asks again for the running generation changes nothing`() {
        let (ids, generation) = story.stableGroup(2)
        let follower = story.join(ids[1])
        #expect(follower.answer?.generation == generation)
        #expect(follower.answer?.members.isEmpty == true)
        #expect(story.state() == "Stable")
    }

    @Test mutating func `changed metadata makes a new generation`() {
        let (ids, generation) = story.stableGroup(2)
        let follower = story.join(ids[1], topics: ["t", "u"])
        #expect(follower.answer == nil)
        #expect(story.join(ids[0]).answer?.generation == generation + 1)
    }

    @Test mutating func `a leader that rejoins makes a new generation`() {
        let (ids, generation) = story.stableGroup(1)
        #expect(story.join(ids[0]).answer?.generation == generation + 1)
    }

    @Test mutating func `a second join of a parked member answers the first`() throws {
        let (ids, _) = story.stableGroup(2)
        let first = story.join(ids[0])
        let second = story.join(ids[0])
        #expect(story.joins[first.token]?.error == .rebalanceInProgress)
        #expect(story.joins[second.token] == nil)
        _ = story.join(ids[1])
        #expect(story.joins[second.token]?.error == KafkaError.none)
    }

    @Test mutating func `the protocol that most members prefer wins`() throws {
        _ = story.join(protocols: ["range", "sticky"])
        let first = try #require(story.joins[1]).memberID
        let two = story.join(protocols: ["sticky", "range"])
        let three = story.join(protocols: ["odd", "sticky", "range"])
        _ = story.join(first, protocols: ["range", "sticky"])
        #expect(story.joins[two.token]?.protocolName == "sticky")
        #expect(story.joins[three.token]?.protocolName == "sticky")
    }

    @Test mutating func `a member that shares no protocol is refused`() {
        _ = story.join(protocols: ["range"])
        #expect(story.join(protocols: ["sticky"]).answer?.error == .inconsistentGroupProtocol)
        #expect(story.join(type: "connect").answer?.error == .inconsistentGroupProtocol)
        #expect(
            story.join(protocols: [], group: "h").answer?.error == .inconsistentGroupProtocol)
        #expect(story.join(type: "", group: "h").answer?.error == .inconsistentGroupProtocol)
    }

    @Test mutating func `sync checks generation, member and protocol`() {
        let (ids, generation) = story.stableGroup(1)
        #expect(story.sync(ids[0], generation + 1).answer?.error == .illegalGeneration)
        #expect(story.sync("who", generation).answer?.error == .unknownMemberId)
        #expect(
            story.sync(ids[0], generation, type: "connect").answer?.error
                == .inconsistentGroupProtocol)
        #expect(
            story.sync(ids[0], generation, name: "sticky").answer?.error
                == .inconsistentGroupProtocol)
        let right = story.sync(ids[0], generation, type: "consumer", name: "range").answer
        #expect(right?.assignment == Array(ids[0].utf8))
        #expect(story.sync(ids[0], generation, group: "h").answer?.error == .unknownMemberId)
    }

    @Test mutating func `bad group ids and session timeouts are refused`() {
        #expect(story.join(group: "").answer?.error == .invalidGroupId)
        #expect(story.join(session: 5_999).answer?.error == .invalidSessionTimeout)
        #expect(story.join(session: 1_800_001).answer?.error == .invalidSessionTimeout)
        #expect(story.join("ghost").answer?.error == .unknownMemberId)
        #expect(story.heartbeat("ghost", 1) == .unknownMemberId)
        #expect(story.leave("ghost") == .unknownMemberId)
    }

    @Test mutating func `a member that offers too many protocols is refused`() {
        let many = (0..<257).map { "p\($0)" }
        #expect(story.join(protocols: many).answer?.error == .invalidRequest)
        #expect(story.join(protocols: Array(many.dropLast())).answer?.error == KafkaError.none)
    }

    @Test func `a full group takes nobody else`() {
        var story = GroupStory { $0.maxMemberCount = 2 }
        let (ids, _) = story.stableGroup(2)
        #expect(story.join().answer?.error == .groupMaxSizeReached)
        #expect(story.state() == "Stable")
        _ = story.join(ids[0])
        _ = story.join(ids[1])
        #expect(story.state() == "CompletingRebalance")
    }

    @Test func `ids are given out up to a limit`() {
        var story = GroupStory { $0.maxPendingMemberCount = 2 }
        #expect(story.join(knownID: true).answer?.error == .memberIdRequired)
        #expect(story.join(knownID: true).answer?.error == .memberIdRequired)
        #expect(story.join(knownID: true).answer?.error == .groupMaxSizeReached)
    }

    @Test func `with an initial delay the first members form one generation`() throws {
        var story = GroupStory { $0.initialRebalanceDelayMilliseconds = 3_000 }
        let one = story.join()
        story.pass(milliseconds: 2_000)
        let two = story.join()
        #expect(one.answer == nil)
        // The second join starts the wait anew.
        story.pass(milliseconds: 2_000)
        #expect(story.joins[one.token] == nil)
        story.pass(milliseconds: 1_000)
        #expect(story.joins[one.token]?.generation == 1)
        #expect(story.joins[two.token]?.generation == 1)
        #expect(story.joins[one.token]?.members.count == 2)
    }

    @Test func `the initial delay ends with the rebalance timeout`() {
        var story = GroupStory { $0.initialRebalanceDelayMilliseconds = 3_000 }
        let one = story.join(rebalance: 7_000)
        for _ in 0..<3 {
            story.pass(milliseconds: 2_000)
            _ = story.join(rebalance: 7_000)
        }
        #expect(story.joins[one.token] == nil)
        story.pass(milliseconds: 1_000)
        #expect(story.joins[one.token]?.members.count == 4)
    }

    @Test mutating func `groups are listed and described in Kafka's words`() throws {
        let (ids, _) = story.stableGroup(1)
        _ = story.commit("", -1, offset: 3, group: "simple")
        #expect(
            story.coordinator.list().map { "\($0.group) \($0.protocolType) \($0.state)" }
                == ["g consumer Stable", "simple  Empty"])
        let description = try #require(story.coordinator.describe("g"))
        #expect(description.protocolName == "range")
        #expect(description.members.map(\.memberID) == ids)
        #expect(description.members[0].assignment == Array(ids[0].utf8))
        #expect(description.members[0].metadata == subscription(["t"]))
        #expect(description.members[0].clientHost == "/10.0.0.1")
        #expect(story.coordinator.describe("nobody") == nil)
    }
}
