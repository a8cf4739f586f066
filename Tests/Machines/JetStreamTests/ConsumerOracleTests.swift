import JetStream
import JetStreamAPI
import Model
import Subjects
import Testing

/// What a consumer still owes, found by going through everything each time.
private struct NaiveConsumer {
    var filter: SubjectFilter
    var delivered: [UInt64: UInt64] = [:]
    var done: Set<UInt64> = []

    func left(_ messages: [(UInt64, String)]) -> [UInt64] {
        messages.filter { filter.matches($0.1) && delivered[$0.0] == nil }.map(\.0)
    }
}

struct ConsumerOracleTests {
    @Test(arguments: 0..<10 as Range<UInt64>, [false, true])
    func `nothing is lost, doubled or miscounted, whatever happens in between`(_ seed: UInt64, _ fillsDisk: Bool)
        throws
    {
        var random = SplitMix(state: seed &* 77 &+ 5)
        let filterText = ["p.>", "p.1", "p.*", "p.2.>"][Int(seed % 4)]
        var stream = StreamStory("P", subjects: ["p.>"]) {
            $0.maxMessages = seed % 3 == 0 ? 200 : -1
            $0.maxMessagesPerSubject = seed % 3 == 1 ? 3 : -1
        }
        stream.now = seconds(1)
        var story = try ConsumerStory(
            stream: stream,
            #"{"durable_name":"x","ack_policy":"explicit","ack_wait":1000000000,"max_ack_pending":50,"filter_subject":"\#(filterText)"}"#
        )
        var naive = NaiveConsumer(filter: SubjectFilter(filterText)!)
        var messages: [(UInt64, String)] = []
        func live(_ story: ConsumerStory) -> [(UInt64, String)] {
            messages.filter { story.stream.machine.contains(StreamSequence($0.0)) }
        }
        for _ in 0..<2500 {
            if fillsDisk {
                switch random.next() % 30 {
                case 0..<2: story.isLogFull = true
                case 2: try story.makeRoom()
                case 3: try story.takeSnapshot()
                default: break
                }
            }
            switch random.next() % 100 {
            case 0..<45:
                let number = random.next() % 5
                let subject = number < 3 ? "p.\(number)" : "p.2.\(number)"
                let line = story.stream.publish(subject)
                messages.append((UInt64(line.split(separator: " ")[1])!, subject))
            case 45..<75:
                for line in try story.pull(#"{"batch":\#(random.next() % 8 + 1),"no_wait":true}"#) {
                    let words = line.split(separator: " ")
                    guard let sequence = UInt64(words[0]) else { continue }
                    naive.delivered[sequence, default: 0] += 1
                    #expect(words[2] == "x\(naive.delivered[sequence]!)")
                    #expect(!naive.done.contains(sequence), "\(sequence) was acked")
                    #expect(naive.filter.matches(messages.first { $0.0 == sequence }!.1))
                }
            case 75..<90:
                guard
                    let sequence = naive.delivered.keys.sorted().filter({ !naive.done.contains($0) }
                    )
                    .randomElement(using: &random)
                else { continue }
                if random.next() % 3 == 0 {
                    _ = try story.ack(sequence, "-NAK")
                } else {
                    _ = try story.ack(sequence)
                    naive.done.insert(sequence)
                }
            case 90..<94: _ = try story.wait(0.6)
            case 94..<97:
                if let victim = live(story).randomElement(using: &random) {
                    _ = story.stream.delete(victim.0)
                }
            case 97:
                // What could not be written is delivered again after a crash, and that is no fault.
                try story.makeRoom()
                story.crash()
            default:
                _ = story.stream.purge(#"{"keep":\#(random.next() % 100 + 50),"filter":"p.1"}"#)
                story.consumer.streamShrank(story.stream.machine, now: story.now)
            }
            messages = live(story)
            let info = story.consumer.info(stream: story.stream.machine, now: story.now)
            #expect(info.pendingCount == UInt64(naive.left(messages).count))
            #expect(info.ackPendingCount <= 50)
            messages = messages.filter {
                naive.delivered[$0.0] == nil || !naive.done.contains($0.0)
            }
        }
        try story.makeRoom()
        // In the end all that still exists is delivered and acked.
        for _ in 0..<200 {
            _ = try story.wait(1.1)
            for line in try story.pull(#"{"batch":50,"no_wait":true}"#) {
                guard let sequence = UInt64(line.split(separator: " ")[0]) else { continue }
                naive.delivered[sequence, default: 0] += 1
                _ = try story.ack(sequence)
                naive.done.insert(sequence)
            }
        }
        let owed = live(story).filter { naive.filter.matches($0.1) && !naive.done.contains($0.0) }
        #expect(owed.isEmpty)
        #expect(story.consumer.ackPendingCount == 0)
    }
}
