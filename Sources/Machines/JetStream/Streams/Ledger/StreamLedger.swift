import Bytes
import DequeModule

/// What a stream holds, without the messages: for each sequence its subject's number and its size, packed.
///
/// It answers counts, next and last matches and totals from memory; the log is never read for them. A message costs as
/// many bits as the numbers and sizes around it need: one to two bytes as a rule, see ``LedgerChunk``.
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
    private(set) var columns: LedgerColumns

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
        columns = LedgerColumns(base: firstSequence)
    }

    /// What a snapshot kept.
    init(
        firstSequence: UInt64, lastSequence: UInt64, messageCount: UInt64, byteCount: UInt64,
        subjects: SubjectTable, columns: LedgerColumns
    ) {
        self.firstSequence = firstSequence
        self.lastSequence = lastSequence
        self.messageCount = messageCount
        self.byteCount = byteCount
        self.subjects = subjects
        self.columns = columns
    }

    /// Finds out again where the next message of each subject is.
    mutating func makeLinks() {
        var last = [UInt64](repeating: 0, count: subjects.numberCount)
        var links: [(UInt64, UInt32)] = []
        columns.forEach { sequence, number in
            let before = last[Int(number)]
            if before > 0, let distance = UInt32(exactly: sequence - before) {
                links.append((before, distance))
            }
            last[Int(number)] = sequence
        }
        for (sequence, distance) in links { columns.setLink(distance, at: sequence) }
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
        return columns.number(at: sequence)
    }

    func size(at sequence: UInt64) -> StoredSize? {
        guard sequence >= firstSequence, sequence <= lastSequence else { return nil }
        return columns.size(at: sequence).map { StoredSize(packed: $0) }
    }

    /// The first sequence from `start` on that holds something.
    func next(from start: UInt64) -> UInt64? {
        let start = max(start, firstSequence)
        guard start <= lastSequence, messageCount > 0 else { return nil }
        return columns.next(from: start, inChunk: { $0.liveCount > 0 }, inGroup: { _ in true }) { _ in
            true
        }
    }

    /// The first sequence from `start` on whose subject's number `isWanted`.
    func next(from start: UInt64, where isWanted: (UInt32) -> Bool) -> UInt64? {
        let start = max(start, firstSequence)
        guard start <= lastSequence, messageCount > 0 else { return nil }
        return columns.next(
            from: start, inChunk: { $0.liveCount > 0 }, inGroup: { $0.contains(where: isWanted) },
            where: isWanted)
    }

    /// The first message of one subject from `start` on.
    func next(from start: UInt64, of number: UInt32) -> UInt64? {
        let start = max(start, firstSequence, subjects.firstBound(of: number))
        guard start <= lastSequence, start <= subjects.lastBound(of: number) else { return nil }
        if start == lastSequence, self.number(at: start) == number { return start }
        return columns.next(
            from: start, inChunk: { $0.mayHold(number) }, inGroup: { $0.contains(number) }
        ) { $0 == number }
    }

    /// The last sequence up to `end` whose subject's number `isWanted`.
    func previous(from end: UInt64, where isWanted: (UInt32) -> Bool) -> UInt64? {
        let end = min(end, lastSequence)
        guard end >= firstSequence, messageCount > 0 else { return nil }
        return columns.previous(
            from: end, inChunk: { $0.liveCount > 0 }, inGroup: { $0.contains(where: isWanted) },
            where: isWanted)
    }

    /// The last message of one subject up to `end`.
    func previous(from end: UInt64, of number: UInt32) -> UInt64? {
        let end = min(end, lastSequence, subjects.lastBound(of: number))
        guard end >= firstSequence, messageCount > 0 else { return nil }
        return columns.previous(
            from: end, inChunk: { $0.mayHold(number) }, inGroup: { $0.contains(number) }
        ) { $0 == number }
    }

    /// How many messages from `start` through `end` have a subject whose number `isWanted`.
    func count(from start: UInt64, through end: UInt64, where isWanted: (UInt32) -> Bool) -> UInt64 {
        let start = max(start, firstSequence)
        let end = min(end, lastSequence)
        guard start <= end, messageCount > 0 else { return 0 }
        return columns.count(from: start, through: end, where: isWanted)
    }

    /// How many messages there are from `start` to `end`, whatever their subject.
    func count(from start: UInt64, through end: UInt64) -> UInt64 {
        let start = max(start, firstSequence)
        let end = min(end, lastSequence)
        guard start <= end else { return 0 }
        if start == firstSequence, end == lastSequence { return messageCount }
        if messageCount == lastSequence - firstSequence + 1 { return end - start + 1 }
        return columns.liveCount(from: start, through: end)
    }

    /// Sequences between first and last that hold nothing, at most `limit`.
    func deleted(limit: Int) -> [UInt64] {
        var result: [UInt64] = []
        var sequence = firstSequence
        while result.count < limit, UInt64(result.count) < deletedCount, sequence <= lastSequence {
            let live = next(from: sequence) ?? lastSequence + 1
            while sequence < live, result.count < limit {
                result.append(sequence)
                sequence += 1
            }
            sequence = max(sequence, live) + 1
        }
        return result
    }

    /// The first message of a subject.
    mutating func first(of number: UInt32) -> UInt64 {
        let known = subjects.firstBound(of: number)
        guard let first = next(from: known, of: number) else {
            preconditionFailure(
                "subject \(number) counts \(subjects.count(of: number)) messages from \(known) on and has none"
            )
        }
        if first != known { subjects.setFirst(number, first) }
        return first
    }

    /// The last message of a subject.
    func last(of number: UInt32) -> UInt64 {
        let known = subjects.lastBound(of: number)
        if subjects.isLastExact(of: number) { return known }
        guard let last = previous(from: known, of: number) else {
            preconditionFailure(
                "subject \(number) counts \(subjects.count(of: number)) messages up to \(known) and has none")
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
        let (number, before) = subjects.append(subject, sequence: lastSequence)
        columns.append(number: number, size: size.packed, numberCount: subjects.numberCount)
        if keepsLinks, before >= firstSequence, let distance = UInt32(exactly: lastSequence - before) {
            columns.setLink(distance, at: before)
        }
        messageCount += 1
        byteCount += size.accounted
    }

    /// A sequence that never held a message.
    mutating func appendGap() {
        lastSequence += 1
        if messageCount == 0 { return skipAll() }
        columns.appendGap(numberCount: subjects.numberCount)
    }

    /// The next message gets `sequence`, or the one that it would get anyway where that is larger.
    mutating func skip(to sequence: UInt64) {
        guard lastSequence + 1 < sequence else { return }
        if messageCount == 0 {
            lastSequence = sequence - 1
            return skipAll()
        }
        while lastSequence + 1 < sequence { appendGap() }
    }

    /// - Returns: whether there was a message.
    @discardableResult
    mutating func remove(_ sequence: UInt64) -> Bool {
        guard let number = number(at: sequence), let size = size(at: sequence) else { return false }
        let isFirst = keepsLinks && subjects.firstBound(of: number) == sequence
        let next = isFirst && subjects.count(of: number) > 1 ? linked(from: sequence) : nil
        byteCount -= size.accounted
        columns.remove(number, at: sequence)
        messageCount -= 1
        remember(
            Removal(
                sequence: sequence, number: number, generation: subjects.generation(of: number)))
        subjects.remove(number, sequence: sequence)
        if let next { subjects.setFirst(number, next) }
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
        let count = messageCount
        if sequence > lastSequence, count > UInt64(Self.removalsKept) {
            removalCount += count
            recentRemovals.removeAll()
            messageCount = 0
            byteCount = 0
            subjects.removeAll()
            skipAll()
            return count
        }
        while messageCount > 0, firstSequence < sequence { remove(firstSequence) }
        return count - messageCount
    }

    private mutating func remember(_ removal: Removal) {
        removalCount += 1
        recentRemovals.append(removal)
        if recentRemovals.count > Self.removalsKept { recentRemovals.removeFirst() }
    }

    /// The next message of the same subject that is still there, as far as links lead.
    private func linked(from sequence: UInt64) -> UInt64? {
        var sequence = sequence
        while let distance = columns.link(at: sequence) {
            sequence += UInt64(distance)
            if contains(sequence) { return sequence }
        }
        return nil
    }

    /// Moves the front to the next sequence that holds something.
    private mutating func advanceFirst() {
        guard let next = next(from: firstSequence) else {
            preconditionFailure("\(messageCount) messages from \(firstSequence) on and none found")
        }
        firstSequence = next
        columns.dropFront(below: next)
    }

    /// Nothing is left: the next message is the first.
    private mutating func skipAll() {
        firstSequence = lastSequence + 1
        columns.removeAll(next: firstSequence)
    }
}
