import KafkaProtocol
import Model
import Testing

/// Kafka reference 7 and 9.
@Suite struct AdminTests {
    let server: KafkaTestServer
    let client: KafkaTestClient

    init() throws {
        server = try KafkaTestServer()
        client = KafkaTestClient(server)
    }

    func metadata(_ names: [String]?, creates: Bool, version: Int16 = 12) throws -> MetadataResponse {
        var request = MetadataRequest()
        request.allowAutoTopicCreation = creates
        request.topics = names.map { names in
            names.map {
                var topic = MetadataRequest.MetadataRequestTopic()
                topic.name = $0
                return topic
            }
        }
        return try client.ask(request, version)
    }

    @Test func `a topic that is asked for is there in the same answer`() throws {
        defer { server.stop() }
        #expect(
            try metadata(["t"], creates: false).topics[0].errorCode == .unknownTopicOrPartition)
        let made = try metadata(["t"], creates: true).topics[0]
        #expect(made.errorCode == .none)
        #expect(made.partitions.map(\.leaderId) == [1])
        #expect(made.partitions.map(\.isrNodes) == [[1]])
        #expect(try metadata(nil, creates: false).topics.map(\.name) == ["t"])
        #expect(try metadata([], creates: false).topics.isEmpty)
        #expect(try metadata([], creates: false, version: 0).topics.count == 1)
        #expect(try metadata(["no/name"], creates: true).topics[0].errorCode == .invalidTopicException)
    }

    @Test func `topics are created as asked, or refused with the reason`() throws {
        defer { server.stop() }
        let made = try client.createTopic("a.b", partitions: 3, config: ["retention.ms": "5000"])
        #expect(made.errorCode == .none)
        #expect(made.numPartitions == 3)
        #expect(made.topicId != .none)
        #expect(made.configs?.first { $0.name == "retention.ms" }?.value == "5000")
        #expect(try client.createTopic("a.b").errorCode == .topicAlreadyExists)
        #expect(try client.createTopic("a_b").errorCode == .invalidTopicException)
        #expect(try client.createTopic("..").errorCode == .invalidTopicException)
        #expect(try client.createTopic("c", partitions: 0).errorCode == .invalidPartitions)
        #expect(try client.createTopic("c", config: ["no.such": "1"]).errorCode == .invalidConfig)
        #expect(try client.createTopic("c", config: ["retention.ms": "x"]).errorCode == .invalidConfig)
        #expect(try client.createTopic("c", partitions: -1).numPartitions == 1)
    }

    @Test func `a topic named twice in one request is not created`() throws {
        defer { server.stop() }
        var topic = CreateTopicsRequest.CreatableTopic()
        topic.name = "twice"
        topic.numPartitions = 1
        topic.replicationFactor = 3
        var request = CreateTopicsRequest()
        request.topics = [topic, topic]
        let response: CreateTopicsResponse = try client.ask(request, 7)
        #expect(response.topics.map(\.errorCode) == [.invalidRequest])
        request.topics = [topic]
        request.validateOnly = true
        let validated: CreateTopicsResponse = try client.ask(request, 7)
        #expect(validated.topics.map(\.errorCode) == [.none])
        #expect(try metadata(nil, creates: false).topics.isEmpty)
    }

    @Test func `topics are deleted by name or by id`() throws {
        defer { server.stop() }
        _ = try client.createTopic("a")
        let id = try client.createTopic("b").topicId
        var request = DeleteTopicsRequest()
        for (name, topicID) in [("a", .none), (nil, id), ("c", .none), (nil, TopicID(high: 9, low: 9))]
            as [(String?, TopicID)]
        {
            var topic = DeleteTopicsRequest.DeleteTopicState()
            topic.name = name
            topic.topicId = topicID
            request.topics.append(topic)
        }
        let response: DeleteTopicsResponse = try client.ask(request, 6)
        #expect(
            response.responses.map(\.errorCode)
                == [.none, .none, .unknownTopicOrPartition, .unknownTopicId])
        #expect(response.responses[1].name == "b")
        #expect(try metadata(nil, creates: false).topics.isEmpty)
    }

    @Test func `a topic gets more partitions, never fewer`() throws {
        defer { server.stop() }
        _ = try client.createTopic("t", partitions: 2)
        func grow(to count: Int32) throws -> KafkaError {
            var topic = CreatePartitionsRequest.CreatePartitionsTopic()
            topic.name = "t"
            topic.count = count
            var request = CreatePartitionsRequest()
            request.topics = [topic]
            let response: CreatePartitionsResponse = try client.ask(request, 3)
            return response.results[0].errorCode
        }
        #expect(try grow(to: 1) == .invalidPartitions)
        #expect(try grow(to: 2) == .invalidPartitions)
        #expect(try grow(to: 4) == .none)
        #expect(try metadata(["t"], creates: false).topics[0].partitions.count == 4)
        #expect(try client.produce("t", batch(["x"]), partition: 3).errorCode == .none)
    }

    @Test func `settings are changed one by one and shown with where they come from`() throws {
        defer { server.stop() }
        _ = try client.createTopic("t")
        func alter(_ name: String, _ operation: Int8, _ value: String?) throws -> KafkaError {
            var change = IncrementalAlterConfigsRequest.AlterableConfig()
            change.name = name
            change.configOperation = operation
            change.value = value
            var resource = IncrementalAlterConfigsRequest.AlterConfigsResource()
            resource.resourceType = 2
            resource.resourceName = "t"
            resource.configs = [change]
            var request = IncrementalAlterConfigsRequest()
            request.resources = [resource]
            let response: IncrementalAlterConfigsResponse = try client.ask(request, 1)
            return response.responses[0].errorCode
        }
        func shown(_ name: String) throws -> String {
            var resource = DescribeConfigsRequest.DescribeConfigsResource()
            resource.resourceType = 2
            resource.resourceName = "t"
            resource.configurationKeys = [name]
            var request = DescribeConfigsRequest()
            request.resources = [resource]
            let response: DescribeConfigsResponse = try client.ask(request, 4)
            let entry = response.results[0].configs[0]
            return "\(entry.value ?? "null") from \(entry.configSource)"
        }
        #expect(try shown("retention.ms") == "604800000 from 5")
        #expect(try alter("retention.ms", 0, "7000") == .none)
        #expect(try shown("retention.ms") == "7000 from 1")
        #expect(try alter("retention.ms", 1, nil) == .none)
        #expect(try shown("retention.ms") == "604800000 from 5")
        #expect(try alter("cleanup.policy", 2, "compact") == .none)
        #expect(try shown("cleanup.policy") == "delete,compact from 1")
        #expect(try alter("cleanup.policy", 3, "delete") == .none)
        #expect(try shown("cleanup.policy") == "compact from 1")
        #expect(try alter("retention.ms", 2, "1") == .invalidConfig)
        #expect(try alter("no.such", 0, "1") == .invalidConfig)
        #expect(try alter("duolog.subject", 0, "x") == .invalidConfig)
        // A compacted topic takes no record without a key.
        #expect(try client.produce("t", batch(["x"])).errorCode == .invalidRecord)
    }

    @Test func `the cluster is this one node`() throws {
        defer { server.stop() }
        let cluster: DescribeClusterResponse = try client.ask(DescribeClusterRequest(), 2)
        #expect(cluster.brokers.map(\.brokerId) == [1])
        #expect(cluster.controllerId == 1)
        var find = FindCoordinatorRequest()
        find.key = "g"
        let found: FindCoordinatorResponse = try client.ask(find, 2)
        #expect(found.errorCode == .none)
        #expect(found.nodeId == 1)
        #expect(Int(found.port) == server.port)
        let folders: DescribeLogDirsResponse = try client.ask(DescribeLogDirsRequest(), 4)
        #expect(folders.results.count == 1)
    }
}
