import Bytes
import JetStream
import JetStreamAPI
import Model
import Subjects
import Testing

struct RemovalTests {
    @Test func `purges take what they name, and the stream goes on behind`() {
        var story = StreamStory("H", subjects: ["a.>"])
        for _ in 0..<5 { story.publish("a.1") }
        for _ in 0..<5 { story.publish("a.5") }
        #expect(story.purge(#"{"filter":"a.5","keep":2}"#) == "purged 3")
        #expect(story.summary == "7 messages 1...10, gaps [6, 7, 8]")
        #expect(story.purge(#"{"filter":"a.5","seq":5}"#) == "purged 0")
        #expect(story.purge(#"{"keep":3}"#) == "purged 4")
        #expect(story.summary == "3 messages 5...10, gaps [6, 7, 8]")
        #expect(story.purge(#"{"keep":100}"#) == "purged 0")
        #expect(story.purge(#"{"filter":"zz"}"#) == "purged 0")
        #expect(story.purge(#"{"filter":"a..b"}"#) == "purged 0")
        #expect(story.purge(#"{"seq":9}"#) == "purged 1")
        #expect(story.purge() == "purged 2")
        #expect(story.summary == "0 messages 11...10")
        #expect(story.publish("a.1") == "stored 11")
        #expect(story.summary == "1 messages 11...11")
    }

    @Test func `deletes leave gaps and answer like nats-server`() {
        var story = StreamStory()
        for _ in 0..<4 { story.publish("s.1") }
        #expect(story.delete(2) == "deleted 2")
        #expect(story.summary == "3 messages 1...4, gaps [2]")
        #expect(story.delete(2) == "10043 sequence 2 not found")
        #expect(story.delete(1) == "deleted 1")
        #expect(story.delete(1) == "10057 no message found")
        #expect(story.delete(0) == "10057 no message found")
        #expect(story.delete(100) == "10057 stream store EOF")
        #expect(story.summary == "2 messages 3...4")
        #expect(story.delete(4) == "deleted 4")
        #expect(story.delete(3) == "deleted 3")
        #expect(story.summary == "0 messages 5...4")
    }

    @Test func `one-way switches deny`() {
        var story = StreamStory {
            $0.denyDelete = true; $0.denyPurge = true
        }
        story.publish("s.1")
        #expect(story.purge() == "10110 stream purge not permitted")
        #expect(story.delete(1) == "10057 message delete not permitted")
    }

    @Test func `a new stream shows zeros, and one told where to begin shows that`() {
        #expect(StreamStory().summary == "0 messages 0...0")
        var story = StreamStory { $0.firstSequence = 10 }
        #expect(story.summary == "0 messages 10...9")
        #expect(story.publish("s.1") == "stored 10")
    }

    @Test func `a message that Kafka keeps to itself is a gap`() {
        var story = StreamStory()
        story.publish("s.1")
        story.machine.applyGap()
        story.publish("s.1")
        #expect(story.summary == "2 messages 1...3, gaps [2]")
        var empty = StreamStory()
        empty.machine.applyGap()
        #expect(empty.summary == "0 messages 2...1")
        #expect(empty.publish("s.1") == "stored 2")
    }

    @Test func `age takes what is older than the first young message`() {
        var story = StreamStory { $0.maxAge = 1_000_000_000 }
        for _ in 0..<4 { story.publish("s.1") }
        #expect(story.machine.decideExpiry(below: StreamSequence(1)) == nil)
        let control = story.machine.decideExpiry(below: StreamSequence(3))
        #expect(control == .purged(below: 3, filter: ""))
        #expect(control.map { story.machine.apply($0) } == 2)
        #expect(story.summary == "2 messages 3...4")
    }

    @Test func `messages with a time of their own go then, and those for ever stay`() {
        var story = StreamStory {
            $0.allowMessageTTL = true; $0.maxAge = 5_000_000_000
        }
        #expect(story.publish("s.1", [("Nats-TTL", "never")]) == "stored 1")
        #expect(story.publish("s.2", [("Nats-TTL", "3s")]) == "stored 2")
        #expect(story.publish("s.3", [("Nats-TTL", "1")]) == "stored 3")
        story.publish("s.4")
        for wrong in ["0", "-1", "500ms", "zz"] {
            #expect(story.publish("s.5", [("Nats-TTL", wrong)]) == "10165 invalid per-message TTL")
        }
        #expect(story.machine.nextEnding() == seconds(1))
        #expect(story.machine.takeEnded(now: seconds(0.9)) == nil)
        #expect(story.machine.takeEnded(now: seconds(1)) == .removed([3]))
        story.machine.putBack(.removed([3]), until: seconds(2))
        #expect(story.machine.nextEnding() == seconds(2))
        _ = story.delete(2)
        #expect(story.machine.takeEnded(now: seconds(9)).map { story.machine.apply($0) } == 1)
        #expect(story.machine.nextEnding() == nil)
        #expect(story.machine.oldestAging?.value == 4)
        #expect(
            story.machine.decideExpiry(below: StreamSequence(5)).map { story.machine.apply($0) }
                == 1)
        #expect(story.summary == "1 messages 1...4, gaps [2, 3, 4]")
        #expect(story.machine.oldestAging == nil)
    }

    @Test(arguments: [
        StreamControl.removed([1]), .removed([1, 2, 3, 9, 10, 4000]), .removed([]),
        .purged(below: 77, filter: ""), .purged(below: .max, filter: "a.*.c"),
    ])
    func `a control record comes back as it was written`(_ control: StreamControl) throws {
        let bytes = control.encoded
        var reader = ByteReader(bytes.span.bytes)
        #expect(try StreamControl(decoding: &reader) == control)
        let left = reader.remaining
        #expect(left == 0)
    }

    @Test(
        arguments: [
            [], [9], [1, 0xFF, 0xFF, 0x7F], [1, 1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
            [2, 1, 0xFF, 0x7F, 0x61],
            [1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 5],
        ] as [[UInt8]])
    func `a damaged control record is refused and costs no memory`(_ bytes: [UInt8]) {
        #expect(throws: MalformedBytes.self) {
            var reader = ByteReader(bytes.span.bytes)
            _ = try StreamControl(decoding: &reader)
        }
    }
}
