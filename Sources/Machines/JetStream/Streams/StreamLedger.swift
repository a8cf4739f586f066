import Bytes
import DequeModule

/// What a stream holds, without the messages: for each sequence its subject's number and its size, eight bytes in all.
///
/// It answers counts, next and last matches and totals from memory; the log is never read for them.
struct StreamLedger: Sendable {
    /// A removal that consumers still have to hear of, see ``removals(since:)``.
    struct Removal: Sendable {
        var sequence: UInt64
        var number: UInt32
        var generation: UInt32
    }

    private(set) var firstSequence: UInt64
    private(set) var lastSequence: UInt64
    private(set) var messageCount: UInt64 = 0
    private(set) var byteCount: UInt64 = 0
    private(set) var subjects = SubjectTable()

    private var chunks: Deque<Chunk> = []
    /// The sequence of the first chunk's first place.
    private var base: UInt64
    /// How many removals there ever were; the last few of them are in `recentRemovals`.
    private(set) var removalCount: UInt64 = 0
    private var recentRemovals: Deque<Removal> = []

    /// Whether each message knows where the next of its subject is, four bytes more: for streams that take away the
    /// oldest of a subject for each new one.
    var keepsLinks = false

    private static let removalsKept = 512

    init(firstSequence: UInt64) {
        self.firstSequence = firstSequence
        lastSequence = firstSequence - 1
        base = firstSequence
    }

    // MARK: Reading

    /// How many sequences between first and last hold nothing.
    var deletedCount: UInt64 {
        lastSequence < firstSequence ? 0 : lastSequence - firstSequence + 1 - messageCount
    }

    func contains(_ sequence: UInt64) -> Bool { number(at: sequence) != nil }

    /// The number of the subject at `sequence`; nil for a sequence that holds nothing.
    func number(at sequence: UInt64) -> UInt32? {
        guard sequence >= firstSequence, sequence <= lastSequence else { return nil }
        let (chunk, place) = position(of: sequence)
        let number = chunks[chunk].numbers[place]
        return number == Chunk.gap ? nil : number
    }

    func size(at sequence: UInt64) -> StoredSize? {
        guard number(at: sequence) != nil else { return nil }
        let (chunk, place) = position(of: sequence)
        return StoredSize(raw: chunks[chunk].sizes[place])
    }

    /// The first sequence from `start` on that holds something.
    func next(from start: UInt64) -> UInt64? {
        next(from: start) { _ in true }
    }

    /// The first sequence from `start` on whose subject's number `isWanted`.
    func next(from start: UInt64, where isWanted: (UInt32) -> Bool) -> UInt64? {
        var sequence = max(start, firstSequence)
        guard sequence <= lastSequence else { return nil }
        var (chunk, place) = position(of: sequence)
        while chunk < chunks.count {
            if chunks[chunk].liveCount > 0 {
                let numbers = chunks[chunk].numbers
                while place < numbers.count {
                    let number = numbers[place]
                    if number != Chunk.gap, isWanted(number) {
                        sequence = base + UInt64(chunk * Chunk.capacity + place)
                        return sequence
                    }
                    place += 1
                }
            }
            chunk += 1
            place = 0
        }
        return nil
    }

    /// The last sequence up to `end` whose subject's number `isWanted`.
    func previous(from end: UInt64, where isWanted: (UInt32) -> Bool) -> UInt64? {
        guard lastSequence >= firstSequence, messageCount > 0 else { return nil }
        let start = min(end, lastSequence)
        guard start >= firstSequence else { return nil }
        var (chunk, place) = position(of: start)
        while true {
            if chunks[chunk].liveCount > 0 {
                let numbers = chunks[chunk].numbers
                while place >= 0 {
                    let number = numbers[place]
                    if number != Chunk.gap, isWanted(number) {
                        return base + UInt64(chunk * Chunk.capacity + place)
                    }
                    place -= 1
                }
            }
            guard chunk > 0 else { return nil }
            chunk -= 1
            place = Chunk.capacity - 1
        }
    }

    /// How many messages from `start` to `end` have a subject whose number `isWanted`.
    func count(from start: UInt64, through end: UInt64, where isWanted: (UInt32) -> Bool) -> UInt64
    {
        var sequence = max(start, firstSequence)
        let end = min(end, lastSequence)
        var total: UInt64 = 0
        while sequence <= end {
            let (chunk, place) = position(of: sequence)
            let stop = min(Chunk.capacity, place + Int(end - sequence) + 1)
            if chunks[chunk].liveCount > 0 {
                let numbers = chunks[chunk].numbers
                for index in place..<stop
                where numbers[index] != Chunk.gap && isWanted(numbers[index]) {
                    total += 1
                }
            }
            sequence += UInt64(stop - place)
        }
        return total
    }

    /// How many messages there are from `start` to `end`, whatever their subject.
    func count(from start: UInt64, through end: UInt64) -> UInt64 {
        var sequence = max(start, firstSequence)
        let end = min(end, lastSequence)
        guard sequence <= end else { return 0 }
        if sequence == firstSequence, end == lastSequence { return messageCount }
        if messageCount == lastSequence - firstSequence + 1 { return end - sequence + 1 }
        var total: UInt64 = 0
        while sequence <= end {
            let (chunk, place) = position(of: sequence)
            let stop = min(Chunk.capacity, place + Int(end - sequence) + 1)
            let live = chunks[chunk].liveCount
            if live > 0 {
                if place == 0, stop == chunks[chunk].numbers.count {
                    total += UInt64(live)
                } else {
                    let numbers = chunks[chunk].numbers
                    for index in place..<stop where numbers[index] != Chunk.gap { total += 1 }
                }
            }
            sequence += UInt64(stop - place)
        }
        return total
    }

    /// Sequences between first and last that hold nothing, at most `limit`.
    func deleted(limit: Int) -> [UInt64] {
        guard deletedCount > 0 else { return [] }
        var result: [UInt64] = []
        var sequence = firstSequence
        while sequence <= lastSequence, result.count < limit {
            if number(at: sequence) == nil { result.append(sequence) }
            sequence += 1
        }
        return result
    }

    /// The first message of a subject.
    mutating func first(of number: UInt32) -> UInt64 {
        let entry = subjects.entries[Int(number)]
        let bound = max(entry.first, firstSequence)
        guard let first = next(from: bound, where: { $0 == number }) else {
            preconditionFailure(
                "subject \(number) counts \(entry.count) messages from \(bound) on and has none")
        }
        if first != entry.first { subjects.setFirst(number, first) }
        return first
    }

    /// The last message of a subject.
    func last(of number: UInt32) -> UInt64 {
        let entry = subjects.entries[Int(number)]
        guard entry.isLastStale else { return entry.last }
        guard let last = previous(from: entry.last, where: { $0 == number }) else {
            preconditionFailure(
                "subject \(number) counts \(entry.count) messages up to \(entry.last) and has none")
        }
        return last
    }

    /// The removals after the first `count` ever; nil if they are forgotten and one has to count anew.
    func removals(since count: UInt64) -> Deque<Removal>.SubSequence? {
        let missing = removalCount - count
        guard missing <= UInt64(recentRemovals.count) else { return nil }
        return recentRemovals.suffix(Int(missing))
    }

    // MARK: Changing

    mutating func append(_ subject: RawSpan, size: StoredSize) {
        lastSequence += 1
        let known = keepsLinks ? subjects.number(of: subject) : nil
        let before = known.map { subjects.entries[Int($0)].last }
        let number = subjects.append(subject, sequence: lastSequence)
        push(number, size.raw)
        if let before { link(before, to: lastSequence) }
        chunks[chunks.count - 1].liveCount += 1
        messageCount += 1
        byteCount += size.accounted
    }

    /// A sequence that never held a message.
    mutating func appendGap() {
        lastSequence += 1
        push(Chunk.gap, 0)
        if messageCount == 0 { skipAll() }
    }

    /// - Returns: whether there was a message.
    @discardableResult
    mutating func remove(_ sequence: UInt64) -> Bool {
        guard let number = number(at: sequence) else { return false }
        let (chunk, place) = position(of: sequence)
        byteCount -= StoredSize(raw: chunks[chunk].sizes[place]).accounted
        chunks[chunk].numbers[place] = Chunk.gap
        chunks[chunk].liveCount -= 1
        messageCount -= 1
        remember(
            Removal(
                sequence: sequence, number: number,
                generation: subjects.generations[Int(number)]))
        let wasFirst = subjects.entries[Int(number)].first == sequence
        subjects.remove(number, sequence: sequence)
        if wasFirst, keepsLinks, let next = linked(from: sequence),
            subjects.entries[Int(number)].count > 0
        {
            subjects.setFirst(number, next)
        }
        if messageCount == 0 {
            skipAll()
        } else if sequence == firstSequence {
            advanceFirst()
        }
        return true
    }

    /// Removes all that lies below `sequence`.
    ///
    /// - Returns: how many messages went.
    @discardableResult
    mutating func removeAll(below sequence: UInt64) -> UInt64 {
        var removed: UInt64 = 0
        while messageCount > 0, firstSequence < sequence {
            remove(firstSequence)
            removed += 1
        }
        return removed
    }

    private mutating func remember(_ removal: Removal) {
        removalCount += 1
        recentRemovals.append(removal)
        if recentRemovals.count > Self.removalsKept { recentRemovals.removeFirst() }
    }

    private mutating func link(_ sequence: UInt64, to next: UInt64) {
        guard sequence >= base, let distance = UInt32(exactly: next - sequence) else { return }
        let (chunk, place) = position(of: sequence)
        chunks[chunk].setLink(distance, at: place)
    }

    /// The next message of the same subject that is still there, as far as links lead.
    private func linked(from sequence: UInt64) -> UInt64? {
        var sequence = sequence
        while sequence >= base {
            let (chunk, place) = position(of: sequence)
            guard let distance = chunks[chunk].link(at: place) else { return nil }
            sequence += UInt64(distance)
            if contains(sequence) { return sequence }
        }
        return nil
    }

    private mutating func push(_ number: UInt32, _ size: UInt32) {
        if chunks.isEmpty || chunks[chunks.count - 1].numbers.count == Chunk.capacity {
            chunks.append(Chunk())
        }
        let last = chunks.count - 1
        chunks[last].numbers.append(number)
        chunks[last].sizes.append(size)
    }

    /// Moves the front to the next sequence that holds something.
    private mutating func advanceFirst() {
        guard let next = next(from: firstSequence) else {
            preconditionFailure("\(messageCount) messages from \(firstSequence) on and none found")
        }
        firstSequence = next
        while let front = chunks.first, front.liveCount == 0, chunks.count > 1,
            base + UInt64(Chunk.capacity) <= firstSequence
        {
            chunks.removeFirst()
            base += UInt64(Chunk.capacity)
        }
    }

    /// Nothing is left: the next message is the first.
    private mutating func skipAll() {
        firstSequence = lastSequence + 1
        chunks.removeAll(keepingCapacity: true)
        base = firstSequence
    }

    private func position(of sequence: UInt64) -> (chunk: Int, place: Int) {
        let distance = Int(sequence - base)
        return (distance / Chunk.capacity, distance % Chunk.capacity)
    }
}

/// 4096 sequences of a ledger.
private struct Chunk: Sendable {
    static let capacity = 4096
    /// The number that stands for "nothing here".
    static let gap = UInt32.max

    var numbers: [UInt32] = []
    var sizes: [UInt32] = []
    /// How far the next message of the same subject is, 0 for "not known"; shorter than the others, or empty.
    private var links: [UInt32] = []
    var liveCount = 0

    func link(at place: Int) -> UInt32? {
        place < links.count && links[place] > 0 ? links[place] : nil
    }

    mutating func setLink(_ distance: UInt32, at place: Int) {
        if place >= links.count {
            if links.isEmpty { links.reserveCapacity(Chunk.capacity) }
            links.append(contentsOf: repeatElement(0, count: place + 1 - links.count))
        }
        links[place] = distance
    }
}
