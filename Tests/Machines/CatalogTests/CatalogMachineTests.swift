import JSON
import Model
import Testing

import Catalog

@Suite struct CatalogMachineTests {
    private let topicID = TopicID(high: 1, low: 2)
    private let now = Timestamp(milliseconds: 1_000)

    private func machine(_ records: [(CatalogMachine) throws -> CatalogRecord]) throws -> CatalogMachine {
        var machine = CatalogMachine()
        for record in records { machine.apply(try record(machine)) }
        return machine
    }

    private func topic(
        _ name: String, _ partitions: Int = 1, id: UInt64 = 7
    ) -> (CatalogMachine) throws -> CatalogRecord {
        { catalog in
            try catalog.decideCreateTopic(
                name: name, partitionCount: partitions,
                subject: StreamNaming.subject(ofTopic: name, prefix: "kafka"), config: [:],
                topicID: TopicID(high: id, low: id), now: now)
        }
    }

    private func stream(
        _ name: String, _ subjects: [String]
    ) -> (CatalogMachine) throws -> CatalogRecord {
        { catalog in
            try catalog.decideCreateStream(
                name: name, subjects: subjects, keyPrefix: "", config: .object([]),
                topicID: TopicID(high: 9, low: UInt64(name.count)), now: now)
        }
    }

    @Test func `a topic of one partition is the JetStream stream of that name`() throws {
        let catalog = try machine([topic("a.b")])
        let stream = try #require(catalog.stream(topicName: "a.b"))
        #expect(catalog.log(streamName: "a_b") == stream.logs[0])
        #expect(stream.subjects == ["kafka.a_b", "kafka.a_b.>"])
    }

    @Test func `a topic of several partitions is one stream a partition`() throws {
        let catalog = try machine([topic("t", 3)])
        #expect(catalog.streamNames() == ["t@0", "t@1", "t@2"])
    }

    @Test func `a topic beside one whose name it extends is no overlap`() throws {
        let catalog = try machine([topic("orders", id: 1), topic("orders.dlq", id: 2)])
        #expect(catalog.streamNames() == ["orders", "orders_dlq"])
    }

    @Test func `tiered storage is not promised to a topic`() {
        #expect(throws: TopicSettings.Refusal.self) { try TopicSettings.validate(["remote.storage.enable": "true"]) }
        #expect(throws: Never.self) { try TopicSettings.validate(["remote.storage.enable": "false"]) }
        // It is shown as what it is to Kafka.
        #expect(TopicSettings.all.first { $0.name == "remote.storage.enable" }?.kind == .boolean)
    }

    @Test func `names that Kafka takes for the same collide`() throws {
        let catalog = try machine([topic("a.b")])
        #expect(throws: CatalogMachine.Refusal.nameCollides(existing: "a.b")) {
            try topic("a_b")(catalog)
        }
        #expect(throws: CatalogMachine.Refusal.self) { try stream("a_b", ["x"])(catalog) }
    }

    @Test func `a stream is a topic unless its name is illegal in Kafka`() throws {
        let catalog = try machine([stream("orders", ["orders.>"]), stream("a b@", ["x"])])
        #expect(catalog.stream(topicName: "orders") != nil)
        #expect(catalog.stream(topicName: "a b@") == nil)
        #expect(catalog.log(streamName: "a b@") != nil)
    }

    @Test func `no subject is captured twice`() throws {
        let catalog = try machine([stream("all", ["kafka.>"])])
        #expect(throws: CatalogMachine.Refusal.subjectsOverlap(stream: "all")) {
            try topic("t")(catalog)
        }
        let update = try catalog.decideUpdateStream(
            StreamID(1), subjects: ["kafka.*"], config: .object([]))
        #expect(
            update
                == .streamUpdated(StreamID(1), subjects: ["kafka.*"], streamConfig: .object([])))
    }

    @Test func `a deleted stream leaves its names but not its ids`() throws {
        var catalog = try machine([topic("t")])
        catalog.apply(.consumerCreated(LogID(1), name: "c", created: now, config: .null))
        catalog.apply(try catalog.decideDeleteStream(StreamID(1)))
        #expect(catalog.streamNames().isEmpty)
        #expect(catalog.consumer("c", on: LogID(1)) == nil)
        catalog.apply(try topic("t")(catalog))
        #expect(catalog.stream(topicName: "t")?.id == StreamID(2))
        #expect(catalog.stream(topicName: "t")?.logs == [LogID(2)])
    }

    @Test func `partitions that JetStream relies on are fixed`() throws {
        var catalog = try machine([stream("s", ["s"]), topic("t")])
        #expect(throws: CatalogMachine.Refusal.self) {
            try catalog.decideAddPartitions(StreamID(1), newTotal: 2)
        }
        catalog.apply(try catalog.decideAddPartitions(StreamID(2), newTotal: 3))
        #expect(catalog.streamNames() == ["s", "t@0", "t@1", "t@2"])
        catalog.apply(.consumerCreated(LogID(2), name: "c", created: now, config: .null))
        #expect(throws: CatalogMachine.Refusal.partitionsAreFixed("JetStream consumers read t")) {
            try catalog.decideAddPartitions(StreamID(2), newTotal: 4)
        }
    }

    @Test(arguments: ["", ".", "..", "a b", "a/b", "ä", String(repeating: "x", count: 250)])
    func `an illegal topic name is refused`(name: String) {
        #expect(throws: CatalogMachine.Refusal.illegalTopicName(name)) {
            try topic(name)(CatalogMachine())
        }
    }

    @Test func `accounts have streams of the same names and subjects, and Kafka sees one account`()
        throws
    {
        var catalog = CatalogMachine(kafkaAccount: "A")
        for account in ["A", "B"] {
            catalog.apply(
                try catalog.decideCreateStream(
                    account: account, name: "orders", subjects: ["orders.>"], keyPrefix: "orders",
                    config: .object([]), topicID: TopicID(high: 1, low: account == "A" ? 1 : 2),
                    now: now))
        }
        let (one, two) = (catalog.log(streamName: "orders", in: "A"), catalog.log(streamName: "orders", in: "B"))
        #expect(one != nil && two != nil && one != two)
        #expect(catalog.log(streamName: "orders") == nil)
        #expect(catalog.accounts == ["A", "B"])
        #expect(catalog.streamNames(in: "B") == ["orders"])
        let topic = try #require(catalog.stream(topicName: "orders"))
        #expect(topic.account == "A")
        #expect(throws: CatalogMachine.Refusal.subjectsOverlap(stream: "orders")) {
            try catalog.decideCreateStream(
                account: "B", name: "more", subjects: ["orders.x"], keyPrefix: "", config: .object([]),
                topicID: TopicID(high: 1, low: 3), now: now)
        }
        catalog.apply(try catalog.decideDeleteStream(topic.id))
        #expect(catalog.accounts == ["B"])
        #expect(catalog.stream(topicName: "orders") == nil)
    }

    @Test func `the frame of a stream of the global account does not name it`() throws {
        let record = CatalogRecord.streamCreated(
            .init(
                id: StreamID(4), account: "$G", origin: .jetStream, name: "s", topicID: topicID,
                created: now, keyPrefix: "", subjects: ["s"], logs: [LogID(11)],
                streamConfig: .object([]), topicConfig: [:]))
        #expect(!String(decoding: record.encoded(), as: UTF8.self).contains("account"))
    }

    @Test func `every record comes back from its bytes`() throws {
        let records: [CatalogRecord] = [
            .streamCreated(
                .init(
                    id: StreamID(3), account: "$G", origin: .kafka, name: "t", topicID: topicID, created: now,
                    keyPrefix: "kafka.t", subjects: ["kafka.t", "kafka.t.>"], logs: [LogID(1), LogID(9)],
                    streamConfig: .object([JSONMember(name: "max_age", value: .number("5"))]),
                    topicConfig: ["retention.ms": "1"])),
            .streamCreated(
                .init(
                    id: StreamID(4), account: "A", origin: .jetStream, name: "s", topicID: topicID,
                    created: now, keyPrefix: "", subjects: ["s"], logs: [LogID(11)],
                    streamConfig: .object([]), topicConfig: [:])),
            .streamUpdated(StreamID(3), subjects: ["x"], streamConfig: .object([])),
            .topicConfigured(StreamID(3), config: ["a": "b"]),
            .partitionsAdded(StreamID(3), logs: [LogID(10)]),
            .streamDeleted(StreamID(3)),
            .consumerCreated(LogID(1), name: "c", created: now, config: .object([])),
            .consumerUpdated(LogID(1), name: "c", config: .object([])),
            .consumerDeleted(LogID(1), name: "c"),
        ]
        for record in records {
            let bytes = record.encoded()
            #expect(try CatalogRecord(decoding: bytes.span.bytes) == record)
        }
        let unknown = Array(#"{"change":"from_the_future"}"#.utf8)
        #expect(throws: CatalogRecord.Malformed.unknownChange("from_the_future")) {
            try CatalogRecord(decoding: unknown.span.bytes)
        }
    }
}
