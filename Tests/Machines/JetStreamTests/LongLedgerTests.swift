import Bytes
import JetStream
import JetStreamAPI
import Model
import Subjects
import Testing

/// Streams that are long enough for sealed chunks and their summaries: 262,144 sequences have one.
struct LongLedgerTests {
    private static func machine(
        _ change: (inout StreamConfig) -> Void = { _ in }
    ) -> StreamMachine {
        var config = StreamConfig(name: "S", subjects: [">"])
        change(&config)
        return StreamMachine(config: config, created: Timestamp(nanoseconds: 1))
    }

    private static func store(_ subject: String, size: Int, in machine: inout StreamMachine) {
        let bytes = Array(subject.utf8)
        machine.applyStored(
            subject: bytes.span.bytes,
            size: StoredSize(
                subjectByteCount: bytes.count, headerByteCount: size % 3 == 0 ? 20 : 0,
                payloadByteCount: size), time: Timestamp(nanoseconds: 1))
    }

    @Test func `counts and searches agree with a plain list across sealed chunks`() {
        var random = SplitMix(state: 7)
        var machine = Self.machine()
        var subjects: [Int?] = [nil]
        let texts = (0..<40).map { "s.\($0 % 4).\($0)" }
        for sequence in 1...270_000 {
            // Rare subjects come in some stretches only, so that whole groups can be passed over.
            let subject =
                sequence / 50_000 == 2 ? Int(random.next() % 40) : Int(random.next() % 20)
            Self.store(texts[subject], size: Int(random.next() % 40), in: &machine)
            subjects.append(subject)
        }
        // Some chunks lose everything, some nearly everything, the others a little.
        var victims: [UInt64] = Array(100_000..<110_000)
        victims += (200_000..<220_000).filter { $0 % 37 != 0 }
        victims += (1...270_000).filter { _ in random.next() % 50 == 0 }
        victims = Array(Set(victims))
        #expect(machine.apply(.removed(victims)) == UInt64(victims.count))
        for victim in victims { subjects[Int(victim)] = nil }
        #expect(machine.messageCount == UInt64(subjects.count { $0 != nil }))
        let filters = [">", "s.1.>", "s.2.38"]
        for text in filters {
            let filter = SubjectFilter(text)!
            let selected = texts.map { filter.matches($0) }
            for start in [3, 99_000, 262_145] {
                var count = 0
                var next: Int?
                for sequence in start..<subjects.count {
                    guard let subject = subjects[sequence], selected[subject] else { continue }
                    count += 1
                    next = next ?? sequence
                }
                let from = StreamSequence(UInt64(start))
                #expect(machine.count(from: from, matching: filter) == UInt64(count), "\(text) \(start)")
                #expect(machine.next(from: from, matching: filter)?.value == next.map { UInt64($0) })
                let previous = (1...start).last { subjects[$0].map { selected[$0] } ?? false }
                #expect(
                    machine.last(matching: filter, upTo: from)?.value == previous.map { UInt64($0) })
            }
        }
        // What is left is found one by one.
        var sequence = machine.next(from: machine.firstSequence)
        var position = 0
        var misplacedCount = 0
        while let found = sequence, position < 115_000 {
            position = subjects[(position + 1)...].firstIndex { $0 != nil }!
            if found.value != UInt64(position) { misplacedCount += 1 }
            sequence = machine.next(from: found.next)
        }
        #expect(position >= 115_000 && misplacedCount == 0)
    }

    @Test func `a stream of one message a subject keeps up with a hundred thousand subjects`() {
        var machine = Self.machine { $0.maxMessagesPerSubject = 1 }
        for round in 0..<2 {
            for key in 0..<100_000 { Self.store("k.\(key)", size: round, in: &machine) }
        }
        #expect(machine.messageCount == 100_000)
        #expect(machine.subjectCount == 100_000)
        #expect(machine.firstSequence.value == 100_001)
        #expect(machine.last(matching: SubjectFilter("k.77")!)?.value == 100_078)
        // Subjects that are gone give their numbers and their texts' room to others.
        #expect(machine.apply(.purged(below: 190_001, filter: "")) == 90_000)
        #expect(machine.last(matching: SubjectFilter("k.77")!) == nil)
        for key in 0..<50_000 { Self.store("other.\(key)", size: 1, in: &machine) }
        #expect(machine.subjectCount == 60_000)
        #expect(machine.count(from: StreamSequence(1), matching: SubjectFilter("other.*")) == 50_000)
        #expect(machine.count(from: StreamSequence(1), matching: SubjectFilter("k.*")) == 10_000)
        #expect(machine.subject(of: machine.lastSequence) == Array("other.49999".utf8))
        #expect(machine.apply(.purged(below: .max, filter: "")) == 60_000)
        #expect(machine.subjectCount == 0)
        #expect(machine.firstSequence.value == 250_001)
    }

    @Test func `each of a subject's last messages is found when the oldest has to go`() {
        var machine = Self.machine { $0.maxMessagesPerSubject = 3 }
        for _ in 0..<8 {
            for key in 0..<3_000 { Self.store("k.\(key)", size: 5, in: &machine) }
        }
        #expect(machine.messageCount == 9_000)
        #expect(machine.firstSequence.value == 15_001)
        #expect(machine.count(from: StreamSequence(1), matching: SubjectFilter("k.9")) == 3)
        #expect(machine.next(from: StreamSequence(1), matching: SubjectFilter("k.9"))?.value == 15_010)
    }

    @Test func `a consumer's pending count survives a purge of everything`() {
        var story = StreamStory("S", subjects: [">"]) { _ in }
        for number in 0..<2000 { story.publish("a.\(number % 3)", payload: 1) }
        let filter = SubjectFilter("a.1")!
        #expect(story.machine.count(from: StreamSequence(1), matching: filter) == 667)
        #expect(story.machine.apply(.purged(below: 5000, filter: "")) == 2000)
        for _ in 0..<5 { story.publish("a.1", payload: 1) }
        #expect(story.machine.count(from: StreamSequence(1), matching: filter) == 5)
        #expect(story.machine.firstSequence.value == 2001)
    }
}
