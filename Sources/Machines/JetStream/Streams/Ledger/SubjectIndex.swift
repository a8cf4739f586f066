import Bytes

/// Finds a subject's number by the hash of its text.
///
/// Open addressing with linear probing; a slot holds the hash above and the number + 1 below, 0 where it is empty.
/// Large tables are cut into 256 parts that grow one by one and by halves, so that no single publish pays for moving
/// millions of entries, and no more than a third of the slots is empty for long.
struct SubjectIndex: Sendable {
    private struct Part: Sendable {
        var slots: [UInt64] = Array(repeating: 0, count: 16)
        var count = 0
    }

    private var parts = [Part()]
    /// How many of the hash's highest bits choose the part.
    private var partBits: UInt32 = 0

    private static let undividedCount = 1 << 15

    /// The number under `hash` that `isRight`.
    @inline(__always)
    func number(hash: UInt32, where isRight: (UInt32) -> Bool) -> UInt32? {
        let part = part(of: hash)
        let count = parts[part].slots.count
        var slot = home(of: hash, count)
        while true {
            let entry = parts[part].slots[slot]
            if entry == 0 { return nil }
            if UInt32(truncatingIfNeeded: entry >> 32) == hash {
                let number = UInt32(truncatingIfNeeded: entry) &- 1
                if isRight(number) { return number }
            }
            slot = slot + 1 == count ? 0 : slot + 1
        }
    }

    mutating func insert(hash: UInt32, number: UInt32) {
        let part = part(of: hash)
        if (parts[part].count + 1) * 5 > parts[part].slots.count * 4 { grow(part) }
        parts[self.part(of: hash)].count += 1
        place(UInt64(hash) << 32 | UInt64(number) + 1)
    }

    mutating func remove(hash: UInt32, number: UInt32) {
        let part = part(of: hash)
        let count = parts[part].slots.count
        var hole = home(of: hash, count)
        while parts[part].slots[hole] != UInt64(hash) << 32 | UInt64(number) + 1 {
            precondition(parts[part].slots[hole] != 0, "subject \(number) is not in the index")
            hole = hole + 1 == count ? 0 : hole + 1
        }
        // Pull back what probed past the hole, so that no search stops early.
        var next = hole + 1 == count ? 0 : hole + 1
        while parts[part].slots[next] != 0 {
            let home = home(of: UInt32(truncatingIfNeeded: parts[part].slots[next] >> 32), count)
            let fromHome = next >= home ? next - home : next - home + count
            let fromHole = next >= hole ? next - hole : next - hole + count
            if fromHome >= fromHole {
                parts[part].slots[hole] = parts[part].slots[next]
                hole = next
            }
            next = next + 1 == count ? 0 : next + 1
        }
        parts[part].slots[hole] = 0
        parts[part].count -= 1
    }

    private mutating func grow(_ part: Int) {
        if partBits == 0, parts[0].count >= Self.undividedCount { return divide() }
        let old = parts[part].slots
        parts[part].slots = Array(repeating: 0, count: old.count + old.count / 2)
        for entry in old where entry != 0 { place(entry) }
    }

    private mutating func divide() {
        let old = parts[0]
        partBits = 8
        var part = Part()
        part.slots = Array(repeating: 0, count: old.slots.count / 128)
        parts = Array(repeating: part, count: 256)
        for entry in old.slots where entry != 0 {
            let part = self.part(of: UInt32(truncatingIfNeeded: entry >> 32))
            parts[part].count += 1
            if parts[part].count * 5 > parts[part].slots.count * 4 { grow(part) }
            place(entry)
        }
    }

    private mutating func place(_ entry: UInt64) {
        let hash = UInt32(truncatingIfNeeded: entry >> 32)
        let part = part(of: hash)
        let count = parts[part].slots.count
        var slot = home(of: hash, count)
        while parts[part].slots[slot] != 0 { slot = slot + 1 == count ? 0 : slot + 1 }
        parts[part].slots[slot] = entry
    }

    @inline(__always)
    private func part(of hash: UInt32) -> Int { Int((UInt64(hash) << UInt64(partBits)) >> 32) }

    @inline(__always)
    private func home(of hash: UInt32, _ count: Int) -> Int {
        // Shifts bind tighter than products.
        Int((UInt64(hash << partBits) &* UInt64(count)) >> 32)
    }

    /// Keyed by the process, so that subjects that collide in one do not in another.
    private static let seed = UInt64.random(in: .min ... .max)

    static func hash(_ subject: RawSpan) -> UInt32 {
        UInt32(truncatingIfNeeded: quickHash(subject, seed: seed))
    }
}
