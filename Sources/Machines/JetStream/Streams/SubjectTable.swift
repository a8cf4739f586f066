import Bytes

/// The subjects that a stream holds messages of, each with a small number and its totals.
///
/// A number is free again once the last message of its subject is gone; its generation then tells a later owner from
/// an earlier one. Looking up a known subject costs one hash and no allocation.
struct SubjectTable: Sendable {
    struct Entry: Sendable {
        var subject: [UInt8]
        var hash: UInt32
        /// 0 for a number that is free.
        var count: UInt64
        /// At most the first message's sequence: exact once ``StreamLedger`` has looked.
        var first: UInt64
        /// At least the last message's sequence: exact unless `isLastStale`.
        var last: UInt64
        var isLastStale: Bool
    }

    private(set) var entries: [Entry] = []
    /// For each number, how often it was given away: it goes up with each new subject.
    private(set) var generations: [UInt32] = []
    private(set) var liveCount = 0
    private var freeNumbers: [UInt32] = []
    /// Open addressing with linear probing: the hash above, the number + 1 below, 0 for an empty slot.
    private var slots: [UInt64] = Array(repeating: 0, count: 16)

    /// The number of `subject`, if the stream holds a message of it.
    func number(of subject: RawSpan) -> UInt32? {
        let hash = Self.hash(subject)
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            if UInt32(slots[slot] >> 32) == hash {
                let number = UInt32(truncatingIfNeeded: slots[slot]) - 1
                let known = entries[Int(number)].subject
                if subject.hasSameBytes(as: known.span.bytes) { return number }
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Counts one more message of `subject`, the last one of the stream.
    mutating func append(_ subject: RawSpan, sequence: UInt64) -> UInt32 {
        if let number = number(of: subject) {
            entries[Int(number)].count += 1
            entries[Int(number)].last = sequence
            entries[Int(number)].isLastStale = false
            return number
        }
        return insert(subject, sequence: sequence)
    }

    /// One message less of a subject.
    mutating func remove(_ number: UInt32, sequence: UInt64) {
        let index = Int(number)
        entries[index].count -= 1
        if entries[index].count == 0 {
            free(number)
            return
        }
        if entries[index].last == sequence { entries[index].isLastStale = true }
        if entries[index].first == sequence { entries[index].first = sequence + 1 }
    }

    mutating func setFirst(_ number: UInt32, _ sequence: UInt64) {
        entries[Int(number)].first = sequence
    }

    mutating func setLast(_ number: UInt32, _ sequence: UInt64) {
        entries[Int(number)].last = sequence
        entries[Int(number)].isLastStale = false
    }

    private mutating func insert(_ subject: RawSpan, sequence: UInt64) -> UInt32 {
        if (liveCount + 1) * 4 > slots.count * 3 { grow() }
        let hash = Self.hash(subject)
        let number: UInt32
        let bytes = Array(copying: subject)
        if let free = freeNumbers.popLast() {
            number = free
            generations[Int(free)] &+= 1
            entries[Int(free)] = Entry(
                subject: bytes, hash: hash, count: 1, first: sequence, last: sequence,
                isLastStale: false)
        } else {
            number = UInt32(entries.count)
            entries.append(
                Entry(
                    subject: bytes, hash: hash, count: 1, first: sequence, last: sequence,
                    isLastStale: false))
            generations.append(0)
        }
        place(hash: hash, number: number)
        liveCount += 1
        return number
    }

    private mutating func place(hash: UInt32, number: UInt32) {
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = UInt64(hash) << 32 | UInt64(number + 1)
    }

    private mutating func free(_ number: UInt32) {
        let mask = slots.count - 1
        var hole = Int(entries[Int(number)].hash) & mask
        while UInt32(truncatingIfNeeded: slots[hole]) != number + 1 { hole = (hole + 1) & mask }
        // Pull back what probed past the hole, so that no search stops early.
        var next = (hole + 1) & mask
        while slots[next] != 0 {
            let home = Int(slots[next] >> 32) & mask
            if (next - home) & mask >= (next - hole) & mask {
                slots[hole] = slots[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        slots[hole] = 0
        entries[Int(number)].subject = []
        freeNumbers.append(number)
        liveCount -= 1
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: 0, count: old.count * 2)
        for slot in old where slot != 0 {
            place(hash: UInt32(slot >> 32), number: UInt32(truncatingIfNeeded: slot) - 1)
        }
    }

    /// Keyed by the process, so that subjects that collide in one do not in another.
    private static let seed = UInt64.random(in: .min ... .max)

    private static func hash(_ subject: RawSpan) -> UInt32 {
        UInt32(truncatingIfNeeded: quickHash(subject, seed: seed))
    }
}
