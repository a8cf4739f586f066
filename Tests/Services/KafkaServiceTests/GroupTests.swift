import Bytes
import KafkaProtocol
import Model
import TemporaryFolders
import Testing

/// Kafka reference 6, over the wire; the rules themselves are tested with the coordinator.
@Suite struct GroupTests {
    func join(_ member: String = "", protocols: [String] = ["range"]) -> JoinGroupRequest {
        var request = JoinGroupRequest()
        request.groupId = "g"
        request.memberId = member
        request.sessionTimeoutMs = 10_000
        request.rebalanceTimeoutMs = 10_000
        request.protocolType = "consumer"
        request.protocols = protocols.map {
            var entry = JoinGroupRequest.JoinGroupRequestProtocol()
            entry.name = $0
            entry.metadata = [0, 1, 0, 0, 0, 0]
            return entry
        }
        return request
    }

    func sync(_ member: String, _ generation: Int32, assigns: [String]) -> SyncGroupRequest {
        var request = SyncGroupRequest()
        request.groupId = "g"
        request.memberId = member
        request.generationId = generation
        request.assignments = assigns.map {
            var entry = SyncGroupRequest.SyncGroupRequestAssignment()
            entry.memberId = $0
            entry.assignment = Array($0.utf8)
            return entry
        }
        return request
    }

    func heartbeat(_ member: String, _ generation: Int32) -> HeartbeatRequest {
        var request = HeartbeatRequest()
        request.groupId = "g"
        request.memberId = member
        request.generationId = generation
        return request
    }

    func commit(
        _ member: String, _ generation: Int32, _ topic: String, _ offset: Int64
    ) -> OffsetCommitRequest {
        var partition = OffsetCommitRequest.OffsetCommitRequestPartition()
        partition.committedOffset = offset
        partition.committedMetadata = nil
        var entry = OffsetCommitRequest.OffsetCommitRequestTopic()
        entry.name = topic
        entry.partitions = [partition]
        var request = OffsetCommitRequest()
        request.groupId = "g"
        request.memberId = member
        request.generationIdOrMemberEpoch = generation
        request.topics = [entry]
        return request
    }

    @Test func `two members share a group, and the second's arrival is told by heartbeat`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let first = KafkaTestClient(server)
        let second = KafkaTestClient(server)
        let told: JoinGroupResponse = try first.ask(join(), 9)
        #expect(told.errorCode == .memberIdRequired)
        let leader = told.memberId
        let joined: JoinGroupResponse = try first.ask(join(leader), 9)
        #expect(joined.errorCode == .none)
        #expect(joined.leader == leader)
        let assigned: SyncGroupResponse = try first.ask(sync(leader, 1, assigns: [leader]), 5)
        #expect(assigned.assignment == Array(leader.utf8))

        let toldSecond: JoinGroupResponse = try second.ask(join(), 9)
        let follower = toldSecond.memberId
        second.send(join(follower), 9)
        #expect(second.isQuiet(milliseconds: 50))
        let beat: HeartbeatResponse = try first.ask(heartbeat(leader, 1), 4)
        #expect(beat.errorCode == .rebalanceInProgress)
        let again: JoinGroupResponse = try first.ask(join(leader), 9)
        #expect(again.generationId == 2)
        #expect(Set(again.members.map(\.memberId)) == [leader, follower])
        let (_, secondJoined) = try second.receive(JoinGroupResponse.self, 9)
        #expect(secondJoined.generationId == 2)
        #expect(secondJoined.leader == leader)
        #expect(secondJoined.members.isEmpty)

        second.send(sync(follower, 2, assigns: []), 5)
        #expect(second.isQuiet(milliseconds: 50))
        let _: SyncGroupResponse = try first.ask(sync(leader, 2, assigns: [leader, follower]), 5)
        #expect(
            try second.receive(SyncGroupResponse.self, 5).response.assignment
                == Array(follower.utf8))

        var leave = LeaveGroupRequest()
        leave.groupId = "g"
        var identity = LeaveGroupRequest.MemberIdentity()
        identity.memberId = follower
        leave.members = [identity]
        let left: LeaveGroupResponse = try second.ask(leave, 5)
        #expect(left.members[0].errorCode == .none)
        let after: HeartbeatResponse = try first.ask(heartbeat(leader, 2), 4)
        #expect(after.errorCode == .rebalanceInProgress)
    }

    @Test func `old clients join in one step`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let client = KafkaTestClient(server)
        let joined: JoinGroupResponse = try client.ask(join(), 0)
        #expect(joined.errorCode == .none)
        #expect(joined.generationId == 1)
        #expect(joined.memberId.hasPrefix("test-"))
    }

    @Test func `committed offsets are there again after a restart`() throws {
        let folder = TemporaryFolder()
        do {
            let server = try KafkaTestServer(in: folder)
            defer { server.stop() }
            let client = KafkaTestClient(server)
            _ = try client.createTopic("t")
            let joined: JoinGroupResponse = try client.ask(join(), 0)
            let _: SyncGroupResponse = try client.ask(sync(joined.memberId, 1, assigns: []), 0)
            let answer: OffsetCommitResponse = try client.ask(commit(joined.memberId, 1, "t", 42), 8)
            #expect(answer.topics[0].partitions[0].errorCode == .none)
            let stale: OffsetCommitResponse = try client.ask(commit(joined.memberId, 2, "t", 1), 8)
            #expect(stale.topics[0].partitions[0].errorCode == .illegalGeneration)
            let missing: OffsetCommitResponse = try client.ask(
                commit(joined.memberId, 1, "nowhere", 1), 8)
            #expect(missing.topics[0].partitions[0].errorCode == .unknownTopicOrPartition)
        }
        let server = try KafkaTestServer(in: folder)
        defer { server.stop() }
        let client = KafkaTestClient(server)
        var group = OffsetFetchRequest.OffsetFetchRequestGroup()
        group.groupId = "g"
        group.topics = nil
        var request = OffsetFetchRequest()
        request.groups = [group]
        let all: OffsetFetchResponse = try client.ask(request, 8)
        #expect(all.groups[0].topics.map(\.name) == ["t"])
        #expect(all.groups[0].topics[0].partitions[0].committedOffset == 42)
        #expect(all.groups[0].topics[0].partitions[0].metadata == "")

        var topic = OffsetFetchRequest.OffsetFetchRequestTopic()
        topic.name = "t"
        topic.partitionIndexes = [0, 1]
        var old = OffsetFetchRequest()
        old.groupId = "g"
        old.topics = [topic]
        let some: OffsetFetchResponse = try client.ask(old, 1)
        #expect(some.topics[0].partitions.map(\.committedOffset) == [42, -1])
        #expect(some.topics[0].partitions.map(\.errorCode) == [.none, .none])

        let listed: ListGroupsResponse = try client.ask(ListGroupsRequest(), 5)
        #expect(listed.groups.map { "\($0.groupId) \($0.groupState) \($0.groupType)" } == ["g Empty classic"])
        var remove = DeleteGroupsRequest()
        remove.groupsNames = ["g", "h"]
        let removed: DeleteGroupsResponse = try client.ask(remove, 2)
        #expect(removed.results.map(\.errorCode) == [.none, .groupIdNotFound])
    }

    @Test func `a client that hangs up in a rebalance does not keep the others`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let first = KafkaTestClient(server)
        let joined: JoinGroupResponse = try first.ask(join(), 0)
        do {
            let gone = KafkaTestClient(server)
            gone.send(join(), 0)
            #expect(gone.isQuiet(milliseconds: 50))
        }
        let again: JoinGroupResponse = try first.ask(join(joined.memberId), 0)
        #expect(again.generationId == 2)
        #expect(again.members.count == 2)
    }
}
