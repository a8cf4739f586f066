import Bytes
import JetStream
import JetStreamAPI
import Model
import Subjects
import Testing

/// A machine that was written to a snapshot and read again is the machine that it was.
struct SnapshotTests {
    private static func copy(of machine: StreamMachine) throws -> StreamMachine {
        var pieces: [[UInt8]] = []
        try machine.writeSnapshot { pieces.append($0) }
        var left = pieces[...]
        let copy = try StreamMachine(config: machine.config, created: machine.created) { left.popFirst() }
        #expect(left.isEmpty)
        return copy
    }

    private static func change(_ story: inout StreamStory, _ random: inout SplitMix) {
        switch random.next() % 20 {
        case 0..<16:
            var headers: [(String, String)] = []
            if random.next() % 3 == 0 { headers.append(("Nats-Msg-Id", "id\(random.next() % 500)")) }
            if random.next() % 5 == 0 { headers.append(("Nats-TTL", random.next() % 2 == 0 ? "5s" : "never")) }
            story.now = story.now.advanced(byNanoseconds: 1_000_000)
            story.publish("s.\(random.next() % 70)", headers, payload: Int(random.next() % 90))
        case 16..<19:
            let first = story.machine.firstSequence.value
            let span = story.machine.lastSequence.value - min(story.machine.lastSequence.value, first) + 1
            _ = story.delete(first + random.next() % span)
        default: story.machine.applyGap()
        }
    }

    private static func compare(_ one: StreamMachine, _ other: StreamMachine) {
        #expect(one.state == other.state)
        for text in [">", "s.1", "s.*", "s.22", "x"] {
            let filter = SubjectFilter(text)!
            for start in [1, one.firstSequence.value, one.lastSequence.value / 2, one.lastSequence.value] {
                let start = StreamSequence(start)
                #expect(one.count(from: start, matching: filter) == other.count(from: start, matching: filter))
                #expect(one.next(from: start, matching: filter) == other.next(from: start, matching: filter))
                #expect(
                    one.last(matching: filter, upTo: start) == other.last(matching: filter, upTo: start))
            }
            #expect(one.subjects(matching: filter).map(\.count) == other.subjects(matching: filter).map(\.count))
        }
        var ending = one
        var otherEnding = other
        #expect(ending.nextEnding() == otherEnding.nextEnding())
        #expect(one.oldestAging == other.oldestAging)
    }

    @Test(arguments: [0, 1, 3] as [Int64])
    func `a stream goes on from its snapshot as it would have without`(_ history: Int64) throws {
        var random = SplitMix(state: UInt64(history))
        var story = StreamStory("S", subjects: [">"]) {
            $0.maxMessagesPerSubject = history == 0 ? -1 : history
            $0.allowMessageTTL = true
            $0.duplicateWindow = 400_000_000
        }
        for _ in 0..<9_000 { Self.change(&story, &random) }
        var copy = story
        copy.machine = try Self.copy(of: story.machine)
        Self.compare(story.machine, copy.machine)
        var same = random
        for _ in 0..<2_000 {
            Self.change(&story, &random)
            Self.change(&copy, &same)
        }
        Self.compare(story.machine, copy.machine)
    }

    @Test func `an empty stream and one that is not new any more keep their sequences`() throws {
        var story = StreamStory("S", subjects: [">"]) { _ in }
        #expect(try Self.copy(of: story.machine).state == story.machine.state)
        for _ in 0..<5_000 { story.publish("a") }
        #expect(story.purge() == "purged 5000")
        var copy = try Self.copy(of: story.machine)
        #expect(copy.state == story.machine.state)
        #expect(copy.firstSequence.value == 5_001)
        copy.applyGap()
        #expect(copy.lastSequence.value == 5_001)
    }

    @Test func `pieces that are missing, cut or of a later version make no stream`() throws {
        var story = StreamStory("S", subjects: [">"]) { _ in }
        for number in 0..<9_000 { story.publish("a.\(number % 9)", payload: number % 7) }
        var pieces: [[UInt8]] = []
        try story.machine.writeSnapshot { pieces.append($0) }
        func read(_ pieces: [[UInt8]]) throws {
            var left = pieces[...]
            _ = try StreamMachine(config: story.machine.config, created: seconds(0)) { left.popFirst() }
        }
        try read(pieces)
        for missing in 1...pieces.count {
            #expect(throws: SnapshotFault.missingPiece) { try read(pieces.dropLast(missing)) }
        }
        for index in pieces.indices {
            for length in stride(from: 0, to: pieces[index].count, by: max(1, pieces[index].count / 11)) {
                var cut = pieces
                cut[index] = Array(cut[index].prefix(length))
                #expect(throws: (any Error).self) { try read(cut) }
            }
        }
        pieces[0][0] = 9
        #expect(throws: SnapshotFault.newerVersion(9)) { try read(pieces) }
    }

    @Test func `a consumer keeps what it delivered, what waits for an ack, and its place`() throws {
        var story = StreamStory("S", subjects: [">"]) { _ in }
        for _ in 0..<50 { story.publish("a") }
        let request = Array(
            #"{"stream_name":"S","config":{"durable_name":"c","ack_policy":"explicit"}}"#.utf8)
        let config = try CreateConsumerRequest(request.span.bytes)
            .validated(subject: .named("c", filter: nil), stream: story.machine.config)
        var consumer = ConsumerMachine(
            name: "c", config: config, created: seconds(1), stream: story.machine)
        let json = Array(#"{"batch":20}"#.utf8)
        consumer.request(
            try PullRequest(json.span.bytes), inbox: Array("in".utf8), now: seconds(2),
            stream: story.machine)
        while let delivery = consumer.nextDelivery(
            now: seconds(2), readableUpTo: StreamSequence(50), stream: story.machine)
        {
            consumer.sent(delivery, now: seconds(2))
        }
        for sequence in [1, 2, 3, 7] as [UInt64] {
            consumer.acknowledge(StreamSequence(sequence), .acknowledged, now: seconds(3))
        }
        let bytes = consumer.snapshotBytes
        var copy = try ConsumerMachine(
            name: "c", config: config, created: seconds(1), stream: story.machine,
            snapshot: bytes.span.bytes)
        #expect(copy.delivered == consumer.delivered)
        #expect(copy.ackFloor == consumer.ackFloor)
        #expect(copy.ackFloor.stream == 3)
        #expect(copy.ackPendingCount == 16)
        #expect(copy.pendingMessageCount(in: story.machine) == 30)
        #expect(copy.nextDeadline(now: seconds(3)) == consumer.nextDeadline(now: seconds(3)))
        copy.acknowledge(StreamSequence(4), .acknowledged, now: seconds(4))
        #expect(copy.ackFloor.stream == 4)
        #expect(copy.snapshotBytes.count < bytes.count)
        for length in stride(from: 0, to: bytes.count, by: 13) {
            let cut = Array(bytes.prefix(length))
            #expect(throws: (any Error).self) {
                _ = try ConsumerMachine(
                    name: "c", config: config, created: seconds(1), stream: story.machine,
                    snapshot: cut.span.bytes)
            }
        }
    }
}
