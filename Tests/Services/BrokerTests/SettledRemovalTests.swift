import Broker
import Bytes
import Catalog
import Glibc
import JetStream
import JetStreamAPI
import Model
import Storage
import Testing
import Transport

/// A consumer is done with a message, and the stream removes it: two frames of the write-ahead log, and what a start does that finds
/// the first alone. Source: docs/decisions/0030-removals-follow-from-acks.md.
@Suite struct SettledRemovalTests {
    private static func make(_ retention: String, _ broker: Broker) throws -> PartitionLog {
        let body = #"{"name":"S","subjects":["s.>"],"retention":"\#(retention)"}"#
        let request = try StreamConfigRequest(Array(body.utf8).span.bytes)
        return try broker.createStream(request, nameInSubject: "S")
    }

    private static func makeConsumer(_ name: String, _ config: String = "", on broker: Broker) throws {
        let more = config.isEmpty ? "" : "," + config
        let body = Array(
            #"{"stream_name":"S","config":{"durable_name":"\#(name)","ack_policy":"explicit"\#(more)}}"#.utf8)
        _ = try broker.createConsumer(
            CreateConsumerRequest(body.span.bytes), subject: .named(name, filter: nil), on: log(broker))
    }

    private static func publish(_ subjects: [String], _ broker: Broker) throws {
        for subject in subjects {
            let subject = Array(subject.utf8)
            guard case .stored = broker.publish(
                to: try log(broker), subject: subject.span.bytes, headers: RawSpan(), payload: RawSpan())
            else { throw JetStreamError.streamNotFound }
        }
    }

    private static func log(_ broker: Broker) throws -> PartitionLog { try #require(try broker.stream(named: "S")) }

    private static func consumer(_ name: String, _ broker: Broker) throws -> StreamConsumer {
        try #require(try log(broker).consumers[name])
    }

    /// The next messages that a consumer gets.
    @discardableResult
    private static func pull(
        _ name: String, _ count: Int, _ fixture: BrokerFixture, _ clients: TakingClients
    ) async throws -> [UInt64] {
        try await fixture.durably { broker in
            broker.nats = clients
            clients.delivered = []
            let body = Array(#"{"batch":\#(count),"expires":3600000000000}"#.utf8)
            let inbox = Array("inbox".utf8)
            broker.pull(try PullRequest(body.span.bytes), inbox: inbox.span.bytes, from: try consumer(name, broker))
        }
        try await fixture.until { _ in clients.delivered.count >= count }
        return try await fixture.durably { _ in clients.delivered }
    }

    private static func settle(
        _ sequences: [UInt64], _ name: String, _ word: AckMessage = .acknowledged, on broker: Broker
    ) throws {
        let consumer = try consumer(name, broker)
        for sequence in sequences { #expect(broker.acknowledge(StreamSequence(sequence), word, at: consumer)) }
        #expect(broker.writeRecord(of: consumer))
    }

    /// The sequences that the stream holds.
    private static func stored(_ fixture: BrokerFixture) async throws -> [UInt64] {
        try await fixture.durably { broker in
            let view = try #require(try log(broker).view)
            return (1...view.lastSequence.value).filter { view.contains(StreamSequence($0)) }
        }
    }

    /// Ends the broker as a crash does that comes before the last removal is written: its frame and all behind it are gone.
    private static func crashBeforeRemoval(_ fixture: BrokerFixture) throws {
        try fixture.restart(isClean: false) {
            let folder = try FolderInspection(directory: fixture.folder)
            var cut: WALPosition?
            _ = try folder.forEachFrame { header, _, position in
                if header.kind == .control { cut = position }
            }
            let position = try #require(cut, "nothing was removed")
            let file = try #require(try folder.logFiles().first { $0.number == position.fileNumber })
            let handle = try #require(fopen(file.path, "r+"))
            defer { fclose(handle) }
            fseek(handle, position.offset, SEEK_SET)
            for _ in position.offset..<file.byteCount { fputc(0, handle) }
        }
        #expect(fixture.summary.findings.allSatisfy { $0.contains("were cut") }, "\(fixture.summary.findings)")
    }

    // MARK: Work queues

    @Test func `what a work queue was told is done goes at the start where it had not gone before`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            _ = try Self.make("workqueue", broker)
            try Self.makeConsumer("worker", on: broker)
            try Self.publish(Array(repeating: "s.a", count: 10), broker)
        }
        #expect(try await Self.pull("worker", 6, fixture, clients) == [1, 2, 3, 4, 5, 6])
        try await fixture.durably { broker in
            try Self.settle([2, 3], "worker", on: broker)
            try Self.settle([5], "worker", .terminated(reason: ""), on: broker)
        }
        #expect(try await Self.stored(fixture) == [1, 4, 6, 7, 8, 9, 10])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [1, 4, 6, 7, 8, 9, 10])
        try await fixture.durably { broker in
            let info = broker.consumerInfo(try Self.consumer("worker", broker))
            #expect(info.ackPendingCount == 3 && info.pendingCount == 4)
            try broker.deleteConsumer(try Self.consumer("worker", broker))
            try Self.makeConsumer("other", on: broker)
        }
        #expect(try await Self.pull("other", 7, fixture, clients) == [1, 4, 6, 7, 8, 9, 10])
        // It was written down now.
        try fixture.restart(isClean: false)
        #expect(fixture.summary.findings.isEmpty)
        #expect(try await Self.stored(fixture) == [1, 4, 6, 7, 8, 9, 10])
    }

    @Test func `consumers of different subjects of a work queue are done each with its own`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            _ = try Self.make("workqueue", broker)
            try Self.makeConsumer("a", #""filter_subject":"s.a""#, on: broker)
            try Self.makeConsumer("b", #""filter_subject":"s.b""#, on: broker)
            try Self.publish(["s.a", "s.b", "s.c", "s.a", "s.b", "s.c"], broker)
        }
        #expect(try await Self.pull("a", 2, fixture, clients) == [1, 4])
        #expect(try await Self.pull("b", 2, fixture, clients) == [2, 5])
        try await fixture.durably { broker in
            try Self.settle([4], "a", on: broker)
            try Self.settle([2], "b", on: broker)
            // Both in the log before either removal.
            let view = try #require(try Self.log(broker).view)
            #expect(view.messageCount == 6)
        }
        #expect(try await Self.stored(fixture) == [1, 3, 5, 6])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [1, 3, 5, 6])
    }

    @Test(arguments: ["workqueue", "interest"])
    func `what was delivered as often as allowed stays through a start, and goes when it is acked late`(
        retention: String
    ) async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            _ = try Self.make(retention, broker)
            try Self.makeConsumer("worker", #""max_deliver":1"#, on: broker)
            try Self.publish(Array(repeating: "s.a", count: 5), broker)
        }
        #expect(try await Self.pull("worker", 4, fixture, clients) == [1, 2, 3, 4])
        try await fixture.durably { broker in
            try Self.settle([1, 2], "worker", .refused(delayNanoseconds: 0), on: broker)
            try Self.settle([3], "worker", on: broker)
        }
        #expect(try await Self.stored(fixture) == [1, 2, 4, 5])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [1, 2, 4, 5])
        try await fixture.durably { broker in
            broker.nats = clients
            #expect(try broker.consumerInfo(Self.consumer("worker", broker)).ackPendingCount == 1)
            // Word that settles nothing changes nothing, and what was never delivered is not confirmed.
            try Self.settle([1], "worker", .inProgress, on: broker)
            try Self.settle([1, 3], "worker", .refused(delayNanoseconds: 0), on: broker)
            let worker = try Self.consumer("worker", broker)
            #expect(!broker.acknowledge(StreamSequence(5), .acknowledged, at: worker))
        }
        #expect(try await Self.stored(fixture) == [1, 2, 4, 5])
        try await fixture.durably { broker in try Self.settle([2, 3], "worker", on: broker) }
        #expect(try await Self.stored(fixture) == [1, 4, 5])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [1, 4, 5])
    }

    @Test(arguments: [true, false])
    func `what a consumer was done with goes though it was deleted meanwhile`(isSnapshotBetween: Bool) async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            _ = try Self.make("workqueue", broker)
            try Self.makeConsumer("worker", on: broker)
            try Self.publish(Array(repeating: "s.a", count: 5), broker)
        }
        #expect(try await Self.pull("worker", 5, fixture, clients) == [1, 2, 3, 4, 5])
        if isSnapshotBetween { try fixture.restart() }
        try await fixture.durably { broker in
            try Self.settle([1, 2, 4], "worker", on: broker)
            try broker.deleteConsumer(try Self.consumer("worker", broker))
        }
        #expect(try await Self.stored(fixture) == [3, 5])
        try Self.crashBeforeRemoval(fixture)
        try await fixture.durably { broker in
            let log = try Self.log(broker)
            #expect(log.consumers.isEmpty)
        }
        #expect(try await Self.stored(fixture) == [3, 5])
    }

    // MARK: Interest

    @Test func `a message goes at the start once all that want it are done, and not before`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            _ = try Self.make("interest", broker)
            try Self.makeConsumer("all", on: broker)
            try Self.makeConsumer("b", #""filter_subject":"s.b""#, on: broker)
            try Self.publish(["s.a", "s.b", "s.a", "s.b", "s.a"], broker)
        }
        #expect(try await Self.pull("all", 4, fixture, clients) == [1, 2, 3, 4])
        #expect(try await Self.pull("b", 1, fixture, clients) == [2])
        try await fixture.durably { broker in try Self.settle([2], "b", on: broker) }
        #expect(try await Self.stored(fixture) == [1, 2, 3, 4, 5])
        try await fixture.durably { broker in try Self.settle([1, 2, 4], "all", on: broker) }
        #expect(try await Self.stored(fixture) == [3, 4, 5])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [3, 4, 5])
        #expect(try await Self.pull("b", 1, fixture, clients) == [4])
        try await fixture.durably { broker in try Self.settle([4], "b", on: broker) }
        #expect(try await Self.stored(fixture) == [3, 5])
    }

    @Test func `what only a deleted consumer wanted goes at the start`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await fixture.durably { broker in
            _ = try Self.make("interest", broker)
            try Self.makeConsumer("a", #""filter_subject":"s.a""#, on: broker)
            try Self.makeConsumer("b", #""filter_subject":"s.b""#, on: broker)
            try Self.publish(["s.a", "s.b", "s.a"], broker)
            try broker.deleteConsumer(try Self.consumer("a", broker))
        }
        #expect(try await Self.stored(fixture) == [2])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [2])
        try fixture.restart()
        #expect(try await Self.stored(fixture) == [2])
    }

    @Test func `what a consumer alone wanted before its filter changed goes at the start`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await fixture.durably { broker in
            _ = try Self.make("interest", broker)
            try Self.makeConsumer("c", #""filter_subjects":["s.a","s.b"]"#, on: broker)
            try Self.publish(["s.a", "s.b", "s.a"], broker)
            try Self.makeConsumer("c", #""filter_subject":"s.b""#, on: broker)
        }
        #expect(try await Self.stored(fixture) == [2])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [2])
    }

    @Test func `what was acked while limits kept it goes when interest does, or at the start`() async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            _ = try Self.make("limits", broker)
            try Self.makeConsumer("a", #""filter_subject":"s.a""#, on: broker)
            try Self.makeConsumer("d", #""filter_subject":"s.d","max_deliver":1"#, on: broker)
            try Self.publish(["s.a", "s.b", "s.a", "s.a", "s.d", "s.d"], broker)
        }
        #expect(try await Self.pull("a", 2, fixture, clients) == [1, 3])
        #expect(try await Self.pull("d", 2, fixture, clients) == [5, 6])
        try await fixture.durably { broker in
            try Self.settle([3], "a", on: broker)
            try Self.settle([5], "d", .refused(delayNanoseconds: 0), on: broker)
        }
        #expect(try await Self.stored(fixture) == [1, 2, 3, 4, 5, 6])
        try await fixture.durably { broker in
            let body = #"{"name":"S","subjects":["s.>"],"retention":"interest"}"#
            _ = try broker.updateStream(StreamConfigRequest(Array(body.utf8).span.bytes), nameInSubject: "S")
        }
        #expect(try await Self.stored(fixture) == [1, 2, 4, 5, 6])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [1, 2, 4, 5, 6])
    }

    @Test(arguments: [true, false])
    func `what nobody wanted when it came goes at the start`(isProduced: Bool) async throws {
        let fixture = try BrokerFixture()
        defer { fixture.remove() }
        try await fixture.durably { broker in
            _ = try Self.make("interest", broker)
            try Self.makeConsumer("b", #""filter_subject":"s.b""#, on: broker)
            guard isProduced else { return try Self.publish(["s.a", "s.b", "s.a"], broker) }
            let batch = producedBatch([("a", "1"), ("b", "2"), ("a", "3")])
            let stream = try #require(broker.catalog.stream(topicName: "S"))
            let outcome = broker.produce(batch.span.bytes, to: try Self.log(broker), of: stream, allowsZstd: true)
            guard case .appended = outcome else { throw JetStreamError.streamNotFound }
        }
        #expect(try await Self.stored(fixture) == [2])
        try Self.crashBeforeRemoval(fixture)
        #expect(try await Self.stored(fixture) == [2])
    }

    // MARK: Full disks

    /// A broker whose write-ahead log gets no more room once the disk is full, while there is room for snapshots.
    private static func onFullDisk(_ disk: FullDisk) throws -> BrokerFixture {
        disk.fullPart = ".wal"
        var storeOptions = LogStore.Options()
        storeOptions.wal.fileSystem = disk
        storeOptions.wal.fileByteCount = 64 << 10
        return try BrokerFixture(store: storeOptions)
    }

    /// Fills the write-ahead log up, so far that nothing of `byteCount` bytes fits.
    private static func fill(_ byteCount: Int, _ fixture: BrokerFixture) async throws {
        try await fixture.until { broker in
            let log = try #require(try broker.stream(named: "other"))
            let (subject, payload) = (Array("other".utf8), [UInt8](repeating: 7, count: byteCount))
            while case .stored = broker.publish(
                to: log, subject: subject.span.bytes, headers: RawSpan(), payload: payload.span.bytes)
            {}
            return true
        }
    }

    @Test(arguments: ["room", "clean", "killed"])
    func `acks that there was room for and removals that there was none for`(then: String) async throws {
        let disk = FullDisk()
        let fixture = try Self.onFullDisk(disk)
        defer { fixture.remove() }
        let clients = TakingClients()
        let count = 2000
        try await fixture.durably { broker in
            let request = try StreamConfigRequest(Array(#"{"name":"other"}"#.utf8).span.bytes)
            _ = try broker.createStream(request, nameInSubject: "other")
            _ = try Self.make("interest", broker)
            try Self.makeConsumer("one", #""max_ack_pending":-1"#, on: broker)
            try Self.makeConsumer("two", #""max_ack_pending":-1"#, on: broker)
            try Self.publish(Array(repeating: "s.a", count: count), broker)
        }
        let all = (1...UInt64(count)).map { $0 }
        let odd = all.filter { $0 % 2 == 1 }
        #expect(try await Self.pull("one", count, fixture, clients) == all)
        #expect(try await Self.pull("two", count, fixture, clients) == all)
        try await fixture.durably { broker in try Self.settle(odd, "one", on: broker) }
        disk.isFull = true
        // Every other message takes more to name than all of them in a row.
        try await Self.fill(1200, fixture)
        try await fixture.durably { broker in try Self.settle(all, "two", on: broker) }
        #expect(try await Self.stored(fixture) == all)
        try await fixture.durably { broker in
            let info = broker.consumerInfo(try Self.consumer("two", broker))
            #expect(info.ackPendingCount == 0)
        }
        if then == "room" {
            disk.isFull = false
        } else {
            try fixture.restart(isClean: then == "clean") { disk.isFull = false }
            #expect(fixture.summary.findings.isEmpty)
            #expect((fixture.summary.replayedFrameCount == 0) == (then == "clean"))
        }
        let even = all.filter { $0 % 2 == 0 }
        try await fixture.until { broker in try Self.log(broker).view?.messageCount == UInt64(even.count) }
        #expect(try await Self.stored(fixture) == even)
        try fixture.restart(isClean: false)
        #expect(try await Self.stored(fixture) == even)
    }

    @Test func `acks that a snapshot alone has are followed by their removals`() async throws {
        let disk = FullDisk()
        let fixture = try Self.onFullDisk(disk)
        defer { fixture.remove() }
        let clients = TakingClients()
        try await fixture.durably { broker in
            let request = try StreamConfigRequest(Array(#"{"name":"other"}"#.utf8).span.bytes)
            _ = try broker.createStream(request, nameInSubject: "other")
            _ = try Self.make("workqueue", broker)
            try Self.makeConsumer("worker", on: broker)
            try Self.publish(Array(repeating: "s.a", count: 5), broker)
        }
        #expect(try await Self.pull("worker", 5, fixture, clients) == [1, 2, 3, 4, 5])
        disk.isFull = true
        try await Self.fill(4000, fixture)
        try await Self.fill(1, fixture)
        try await fixture.until { broker in
            // Until there is no room for this either.
            let worker = try Self.consumer("worker", broker)
            return broker.acknowledge(StreamSequence(1), .inProgress, at: worker) && !broker.writeRecord(of: worker)
        }
        try await fixture.durably { broker in
            let worker = try Self.consumer("worker", broker)
            for sequence: UInt64 in [2, 4] {
                #expect(broker.acknowledge(StreamSequence(sequence), .acknowledged, at: worker))
            }
            #expect(!broker.writeRecord(of: worker))
        }
        #expect(try await Self.stored(fixture) == [1, 2, 3, 4, 5])
        try fixture.restart { disk.isFull = false }
        #expect(fixture.summary.replayedFrameCount == 0)
        #expect(try await Self.stored(fixture) == [1, 3, 5])
        try await fixture.durably { broker in
            let info = broker.consumerInfo(try Self.consumer("worker", broker))
            #expect(info.ackPendingCount == 3)
        }
    }
}
