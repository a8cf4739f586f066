import JetStream
import JetStreamAPI
import Model
import Subjects
import Testing

/// A stream as a plain list, slow and obvious.
private struct NaiveStream {
    var messages: [(sequence: UInt64, subject: String, bytes: UInt64)] = []
    var last: UInt64 = 0
    var limits = (messages: 0, perSubject: 0)

    mutating func store(_ subject: String, bytes: UInt64) {
        last += 1
        messages.append((last, subject, bytes))
        while limits.perSubject > 0,
            messages.count(where: { $0.subject == subject }) > limits.perSubject
        {
            messages.remove(at: messages.firstIndex { $0.subject == subject }!)
        }
        while limits.messages > 0, messages.count > limits.messages { messages.removeFirst() }
    }

    func matching(_ filter: String) -> [UInt64] {
        messages.filter { SubjectFilter(filter)!.matches($0.subject) }.map(\.sequence)
    }
}

struct StreamLedgerOracleTests {
    @Test(arguments: 0..<6 as Range<UInt64>)
    func `the ledger answers what a plain list answers`(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var naive = NaiveStream()
        naive.limits = (seed % 3 == 0 ? 3000 : 0, seed % 2 == 1 ? Int(seed % 4) + 1 : 0)
        var story = StreamStory("S", subjects: [">"]) {
            $0.maxMessages = Int64(naive.limits.messages == 0 ? -1 : naive.limits.messages)
            $0.maxMessagesPerSubject = Int64(
                naive.limits.perSubject == 0 ? -1 : naive.limits.perSubject)
        }
        let filters = [">", "s.1", "s.*", "t.*.x", "t.>", "nobody"]
        for step in 0..<6000 {
            switch random.next() % 100 {
            case 0..<80:
                let number = random.next() % 40
                let subject =
                    number % 2 == 0 ? "s.\(number)" : "t.\(number).\(number % 3 == 0 ? "x" : "y")"
                let payload = Int(random.next() % 50)
                story.publish(subject, payload: payload)
                naive.store(subject, bytes: UInt64(30 + subject.utf8.count + payload))
            case 80..<95:
                guard let victim = naive.messages.randomElement(using: &random) else { continue }
                #expect(story.delete(victim.sequence) == "deleted \(victim.sequence)")
                naive.messages.removeAll { $0.sequence == victim.sequence }
            case 95:
                story.machine.applyGap()
                naive.last += 1
            case 96 where step % 7 == 0:
                let filter = filters.randomElement(using: &random)!
                let below = naive.last - min(naive.last, random.next() % 300)
                let victims = Set(naive.matching(filter).filter { $0 < below })
                #expect(
                    story.machine.apply(.purged(below: below, filter: filter))
                        == UInt64(victims.count))
                naive.messages.removeAll { victims.contains($0.sequence) }
            default: continue
            }
            if step % 50 == 0 { compare(story.machine, naive, filters, &random) }
        }
        compare(story.machine, naive, filters, &random)
    }

    private func compare(
        _ machine: StreamMachine, _ naive: NaiveStream, _ filters: [String],
        _ random: inout SplitMix
    ) {
        #expect(machine.messageCount == UInt64(naive.messages.count))
        #expect(machine.byteCount == naive.messages.reduce(0) { $0 + $1.bytes })
        #expect(machine.lastSequence.value == naive.last)
        #expect(machine.firstSequence.value == naive.messages.first?.sequence ?? naive.last + 1)
        #expect(machine.subjectCount == Set(naive.messages.map(\.subject)).count)
        let start = naive.last - min(naive.last, random.next() % 5000)
        for text in filters {
            let filter = SubjectFilter(text)!
            let wanted = naive.matching(text)
            #expect(
                machine.count(from: StreamSequence(start), matching: filter)
                    == UInt64(wanted.count { $0 >= start }))
            #expect(
                machine.next(from: StreamSequence(start), matching: filter)?.value
                    == wanted.first { $0 >= start })
            #expect(machine.last(matching: filter)?.value == wanted.last)
            #expect(
                machine.last(matching: filter, upTo: StreamSequence(start))?.value
                    == wanted.last { $0 <= start })
            var lasts: [String: UInt64] = [:]
            for message in naive.messages where filter.matches(message.subject) {
                lasts[message.subject] = message.sequence
            }
            #expect(machine.lastOfEach(matching: [filter])?.map(\.value) == lasts.values.sorted())
            let counts = Dictionary(
                grouping: naive.messages.filter { filter.matches($0.subject) }, by: \.subject)
            #expect(machine.subjects(matching: filter).map(\.subject) == counts.keys.sorted())
        }
    }
}
