import Bytes
import KafkaProtocol
import Model
import Testing

/// Requests that a fault or malice has changed: the server stays up, and others don't notice.
@Suite struct HostileTests {
    /// Valid requests of every API that is served, in their newest versions and in older ones.
    static func samples() -> [[UInt8]] {
        var frames: [[UInt8]] = []
        func add<Request: KafkaRequest>(_ request: Request, records: [UInt8] = []) {
            guard let versions = Request.api.versions else { return }
            for version in versions {
                frames.append(
                    KafkaTestClient.frame(request, version, correlationID: 1, records: records))
            }
        }
        let records = batch(["a", "b"])
        add(KafkaTestClient.produceRequest("t", records), records: records)
        add(KafkaTestClient.fetchRequest("t", 0))
        add(KafkaTestClient.fetchRequest("t", 0, maxWait: 50))
        var listing = ListOffsetsRequest.ListOffsetsTopic()
        listing.name = "t"
        listing.partitions = [.init()]
        var list = ListOffsetsRequest()
        list.topics = [listing]
        add(list)
        var wanted = MetadataRequest.MetadataRequestTopic()
        wanted.name = "t"
        var metadata = MetadataRequest()
        metadata.topics = [wanted]
        add(metadata)
        var created = CreateTopicsRequest.CreatableTopic()
        created.name = "u"
        created.numPartitions = 1
        created.replicationFactor = 1
        var create = CreateTopicsRequest()
        create.topics = [created]
        add(create)
        add(DescribeConfigsRequest())
        add(InitProducerIdRequest())
        var join = JoinGroupRequest()
        join.groupId = "g"
        join.sessionTimeoutMs = 6_000
        join.protocolType = "consumer"
        join.protocols = [.init()]
        add(join)
        var sync = SyncGroupRequest()
        sync.groupId = "g"
        add(sync)
        var heartbeat = HeartbeatRequest()
        heartbeat.groupId = "g"
        add(heartbeat)
        var commit = OffsetCommitRequest()
        commit.groupId = "g"
        commit.topics = [.init()]
        add(commit)
        var fetchOffsets = OffsetFetchRequest()
        fetchOffsets.groupId = "g"
        add(fetchOffsets)
        var leave = LeaveGroupRequest()
        leave.groupId = "g"
        add(leave)
        add(ListGroupsRequest())
        add(DescribeGroupsRequest())
        add(DescribeClusterRequest())
        add(DescribeLogDirsRequest())
        add(DeleteTopicsRequest())
        add(DeleteGroupsRequest())
        add(DeleteRecordsRequest())
        add(CreatePartitionsRequest())
        add(IncrementalAlterConfigsRequest())
        add(OffsetForLeaderEpochRequest())
        add(FindCoordinatorRequest())
        add(ApiVersionsRequest())
        return frames
    }

    @Test(arguments: 0..<8) func `no changed request brings the server down`(seed: UInt64) throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        let bystander = KafkaTestClient(server)
        _ = try bystander.createTopic("t")
        var random = SeededGenerator(seed: seed)
        for frame in Self.samples() {
            var changed = frame
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                // Behind the size, so that the frame still ends where it should.
                let place = Int.random(in: 4..<changed.count, using: &random)
                changed[place] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)]
                    .randomElement(using: &random)!
            }
            KafkaTestClient(server).send(changed)
        }
        let answer: MetadataResponse = try bystander.ask(MetadataRequest(), 12)
        #expect(answer.brokers.count == 1)
        #expect(try bystander.produce("t", batch(["still here"])).errorCode == .none)
    }

    @Test func `an array count that no frame could hold costs nothing`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        // CreateTopics version 2 with 2³¹ - 1 topics, in a frame of a hundred bytes.
        var body: [UInt8] = [0, 19, 0, 2, 0, 0, 0, 1, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]
        body += [UInt8](repeating: 0, count: 100)
        let client = KafkaTestClient(server)
        client.send([0, 0, 0, UInt8(body.count)] + body)
        #expect(client.sawEnd())
    }

    @Test func `a frame that never ends ends with its connection`() throws {
        let server = try KafkaTestServer()
        defer { server.stop() }
        do {
            let client = KafkaTestClient(server)
            client.send([0, 0, 0xFF, 0xFF] + [UInt8](repeating: 7, count: 1_000))
        }
        let answer: MetadataResponse = try KafkaTestClient(server).ask(MetadataRequest(), 12)
        #expect(answer.brokers.count == 1)
    }
}
