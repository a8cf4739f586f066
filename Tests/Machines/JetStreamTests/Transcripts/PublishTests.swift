import JetStream
import JetStreamAPI
import Model
import Testing

/// Each story was told by nats-server 2.15.1 first.
struct PublishTests {
    @Test func `expectations are checked before duplicates, and tell what was there`() {
        var story = StreamStory("H", subjects: ["a.>"]) { $0.allowRollup = true }
        #expect(story.publish("a.1") == "stored 1")
        #expect(story.publish("a.2", [("Nats-Msg-Id", "m1")]) == "stored 2")
        #expect(
            story.publish("a.2", [("Nats-Expected-Stream", "B")])
                == "10060 expected stream does not match")
        #expect(
            story.publish("a.2", [("Nats-Expected-Last-Sequence", "1")])
                == "10071 wrong last sequence: 2")
        #expect(
            story.publish("a.2", [("Nats-Expected-Last-Sequence", "x")])
                == "10071 wrong last sequence: 2")
        #expect(
            story.publish("a.2", [("Nats-Expected-Last-Sequence", "-1")])
                == "10071 wrong last sequence: 2")
        #expect(
            story.publish("a.2", [("Nats-Expected-Last-Sequence", "0")])
                == "10071 wrong last sequence: 2")
        #expect(story.publish("a.2", [("Nats-Expected-Last-Sequence", "")]) == "stored 3")
        #expect(
            story.publish("a.2", [("Nats-Expected-Last-Subject-Sequence", "1")])
                == "10071 wrong last sequence: 3")
        #expect(story.publish("a.9", [("Nats-Expected-Last-Subject-Sequence", "0")]) == "stored 4")
        #expect(
            story.publish("a.9", [("Nats-Expected-Last-Subject-Sequence", "0")])
                == "10071 wrong last sequence: 4")
        #expect(
            story.publish("a.8", [("Nats-Expected-Last-Subject-Sequence-Subject", "a.>")])
                == "10193 missing sequence for expected last sequence per subject")
        let any = ("Nats-Expected-Last-Subject-Sequence-Subject", "a.>")
        #expect(
            story.publish("a.8", [("Nats-Expected-Last-Subject-Sequence", "1"), any])
                == "10071 wrong last sequence: 4")
        #expect(
            story.publish("a.8", [("Nats-Expected-Last-Subject-Sequence", "4"), any]) == "stored 5")
        #expect(
            story.publish("a.8", [("Nats-Expected-Last-Msg-Id", "m2")])
                == "10070 wrong last msg ID: ")
        #expect(story.publish("a.8", [("Nats-Msg-Id", "m7")]) == "stored 6")
        #expect(
            story.publish("a.8", [("Nats-Expected-Last-Msg-Id", "m2")])
                == "10070 wrong last msg ID: m7")
        #expect(story.publish("a.8", [("Nats-Expected-Last-Msg-Id", "m7")]) == "stored 7")
        #expect(
            story.publish("a.2", [("Nats-Msg-Id", "m1"), ("Nats-Expected-Last-Sequence", "1")])
                == "10071 wrong last sequence: 7")
        #expect(
            story.publish("a.2", [("Nats-Msg-Id", "m1"), ("Nats-Expected-Last-Msg-Id", "qq")])
                == "duplicate 2")
    }

    @Test func `what this server does not offer is refused in nats-server's words`() {
        var story = StreamStory("H", subjects: ["a.>"])
        #expect(
            story.publish("a.8", [("Nats-Batch-Id", "1")]) == "10174 atomic publish is disabled")
        #expect(
            story.publish("a.8", [("Nats-Schedule", "@at 1")])
                == "10188 message schedules is disabled")
        #expect(
            story.publish("a.8", [("Nats-Stream-Source", "1")])
                == "10227 message stream source header is not allowed")
        #expect(story.publish("a.8", [("Nats-Incr", "1")]) == "10168 message counters is disabled")
        #expect(
            story.publish("a.8", [("Nats-TTL", "never")]) == "10166 per-message TTL is disabled")
        #expect(story.publish("a.8", [("Nats-TTL", "zz")]) == "10165 invalid per-message TTL")
        #expect(story.publish("a.8", [("Nats-TTL", "")]) == "stored 1")
        #expect(story.publish("a.8", [("Nats-Rollup", "sub")]) == "10111 rollup not permitted")
    }

    @Test func `ids are compared in their exact header name, and only within the window`() {
        var story = StreamStory { $0.duplicateWindow = 2_000_000_000 }
        #expect(story.publish("s.a", [("Nats-Msg-Id", "m")]) == "stored 1")
        #expect(story.publish("s.a", [("nats-msg-id", "m")]) == "stored 2")
        story.now = seconds(1.9)
        #expect(story.publish("s.a", [("Nats-Msg-Id", "m")]) == "duplicate 1")
        story.now = seconds(2)
        #expect(story.publish("s.a", [("Nats-Msg-Id", "m")]) == "stored 3")
        story.now = seconds(3.9)
        #expect(story.publish("s.a", [("Nats-Msg-Id", "m")]) == "duplicate 3")
    }

    @Test func `sizes are limited, headers included`() {
        var story = StreamStory { $0.maxMessageSize = 30 }
        #expect(story.publish("s.a", payload: 30) == "stored 1")
        #expect(story.publish("s.a", payload: 31) == "10054 message size exceeds maximum allowed")
        #expect(
            story.publish("s.a", [("X", "yyyyyyyyyyyyyyyyy")])
                == "10054 message size exceeds maximum allowed")
        var open = StreamStory()
        #expect(
            open.publish("s.a", [("X", String(repeating: "y", count: 66_000))])
                == "10097 header size exceeds maximum allowed of 64k")
    }

    @Test func `a stream that discards new messages says which limit is reached`() {
        var messages = StreamStory {
            $0.discard = .new; $0.maxMessages = 1
        }
        #expect(messages.publish("s.a") == "stored 1")
        #expect(messages.publish("s.a") == "10077 maximum messages exceeded")
        var bytes = StreamStory("X", subjects: ["X"]) {
            $0.discard = .new; $0.maxBytes = 100
        }
        #expect(bytes.publish("X", payload: 50) == "stored 1")
        #expect(bytes.machine.byteCount == 81)
        #expect(bytes.publish("X", payload: 50) == "10077 maximum bytes exceeded")
        var each = StreamStory {
            $0.discard = .new; $0.maxMessagesPerSubject = 1; $0.discardNewPerSubject = true
        }
        #expect(each.publish("s.1") == "stored 1")
        #expect(each.publish("s.1") == "10077 maximum messages per subject exceeded")
        #expect(each.publish("s.2") == "stored 2")
        var both = StreamStory {
            $0.discard = .new; $0.maxMessages = 1; $0.maxMessagesPerSubject = 1
        }
        #expect(both.publish("s.1") == "stored 1")
        #expect(both.publish("s.1") == "stored 2")
        #expect(both.publish("s.2") == "10077 maximum messages exceeded")
        #expect(both.summary == "1 messages 2...2")
    }

    @Test
    func `a stream that discards old messages forgets the oldest, and even one that cannot fit`() {
        var story = StreamStory("H", subjects: ["a.>"]) {
            $0.maxMessagesPerSubject = 2; $0.maxMessages = 4
        }
        for index in 0..<7 { story.publish("a.\(index % 3)") }
        #expect(story.summary == "4 messages 4...7")
        #expect(story.machine.byteCount == 136)
        var changed = story.machine.config
        changed.maxMessagesPerSubject = 1
        changed.maxMessages = 2
        story.machine.apply(changed)
        #expect(story.summary == "2 messages 6...7")
        var small = StreamStory("X", subjects: ["X"]) { $0.maxBytes = 100 }
        for payload in [50, 50, 500] { small.publish("X", payload: payload) }
        #expect(small.summary == "0 messages 4...3")
    }

    @Test func `a rollup keeps itself only, of its subject or of all`() {
        var story = StreamStory("X", subjects: ["x.*"]) { $0.allowRollup = true }
        for subject in ["x.1", "x.1", "x.2"] { story.publish(subject) }
        #expect(story.publish("x.1", [("Nats-Rollup", "sub")]) == "stored 4")
        #expect(story.summary == "2 messages 3...4")
        #expect(
            story.publish("x.3", [("Nats-Rollup", "zz")]) == "10111 rollup value invalid: \"zz\"")
        #expect(story.publish("x.3", [("Nats-Rollup", "ALL")]) == "stored 5")
        #expect(story.summary == "1 messages 5...5")
    }

    @Test func `a sealed stream takes and gives nothing`() {
        var story = StreamStory()
        story.publish("s.1")
        var sealed = story.machine.config
        sealed.sealed = true
        story.machine.apply(sealed)
        #expect(story.publish("s.1") == "10109 invalid operation on sealed stream")
        #expect(story.purge() == "10109 invalid operation on sealed stream")
        #expect(story.delete(1) == "10109 invalid operation on sealed stream")
    }
}
