import JetStream
import JetStreamAPI
import Model
import Testing

/// The window of message ids, with many of them. Source: nats-server documentation, "Message Deduplication".
@Suite struct DedupeTests {
    private static func story(window: Double) -> StreamStory {
        StreamStory { $0.duplicateWindow = Int64(window * 1e9) }
    }

    @Test(arguments: [1, 2, 3])
    func `an id counts for as long as the window, however many come and go`(seed: UInt64) {
        var random = SplitMix(state: seed)
        var story = Self.story(window: 1)
        // When each was stored last, and as what.
        var known: [String: (sequence: UInt64, time: Double)] = [:]
        var last: UInt64 = 0
        var now = 0.0
        var copies: [(story: StreamStory, known: [String: (sequence: UInt64, time: Double)], now: Double, last: UInt64)] = []
        for step in 0..<60_000 {
            // Floods of new ones, times of many repeats, and pauses in which all are over.
            let isFlood = step / 10_000 % 2 == 0
            now += isFlood ? 0.000_02 : 0.000_2
            if random.next() % 20_000 == 0 { now += 2 }
            story.now = seconds(now)
            if step % 17_000 == 16_999 { copies.append((story, known, now, last)) }
            let id = "id-\(random.next() % (isFlood ? 1_000_000 : 3_000))"
            let result = story.publish("s.x", [("Nats-Msg-Id", id)])
            if let first = known[id], story.now.nanoseconds - seconds(first.time).nanoseconds < 1_000_000_000 {
                guard result == "duplicate \(first.sequence)" else {
                    Issue.record("\(id) is of \(first), and at \(now) it is \(result)")
                    return
                }
            } else {
                last += 1
                guard result == "stored \(last)" else {
                    Issue.record("\(id) is new at \(now), and it is \(result)")
                    return
                }
                known[id] = (last, now)
            }
        }
        // A copy knows what it knew, whatever came behind it.
        for copy in copies {
            var (story, last) = (copy.story, copy.last)
            for (id, first) in copy.known.sorted(by: { $0.value.sequence > $1.value.sequence }).prefix(2_000) {
                let age = seconds(copy.now).nanoseconds - seconds(first.time).nanoseconds
                if age >= 1_000_000_000 { last += 1 }
                let wanted = age < 1_000_000_000 ? "duplicate \(first.sequence)" : "stored \(last)"
                guard story.publish("s.x", [("Nats-Msg-Id", id)]) == wanted else {
                    Issue.record("a copy of \(copy.now) has lost \(id)")
                    return
                }
            }
        }
        #expect(copies.count == 3)
    }

    @Test func `what is over is forgotten, a little with each message that comes`() {
        var story = Self.story(window: 1)
        for number in 0..<20_000 { story.publish("s.x", [("Nats-Msg-Id", "id-\(number)")]) }
        #expect(story.machine.messageIDCount == 20_000)
        story.now = seconds(2)
        story.publish("s.x", [("Nats-Msg-Id", "later-0")])
        #expect((19_000..<20_000).contains(story.machine.messageIDCount))
        for number in 1..<4_000 { story.publish("s.x", [("Nats-Msg-Id", "later-\(number)")]) }
        #expect(story.machine.messageIDCount == 4_000)
        // One that is over is new also where it is not forgotten yet.
        story.now = seconds(4)
        #expect(story.publish("s.x", [("Nats-Msg-Id", "later-3999")]) == "stored 24001")
        #expect(story.publish("s.x", [("Nats-Msg-Id", "later-3999")]) == "duplicate 24001")
    }

    @Test func `the first change behind a copy costs far less than the window is large`() {
        var story = Self.story(window: 3600)
        for number in 0..<100_000 { story.publish("s.x", [("Nats-Msg-Id", "id-\(number)")]) }
        let clock = ContinuousClock()
        // The shortest of several: others have their turns on this machine, too.
        func shortest(_ name: String, behindCopies: Bool) -> Duration {
            (0..<20).map { number in
                let copy = behindCopies ? story.machine : nil
                let time = clock.measure { story.publish("s.x", [("Nats-Msg-Id", "\(name)-\(number)")]) }
                if let copy { #expect(copy.lastSequence < story.machine.lastSequence) }
                return time
            }.min() ?? .zero
        }
        let usual = shortest("usual", behindCopies: false)
        let behindCopy = shortest("copied", behindCopies: true)
        // All of it takes a thousand times as long as a publish, or more.
        #expect(behindCopy < usual * 100, "\(behindCopy), and \(usual) where nothing is copied")
    }
}
