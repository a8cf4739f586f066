import Bytes
import Model

/// The newest offset of each key, for many keys in bounded memory: not the keys are kept but 128 bits of a keyed hash of
/// each, with the offset.
///
/// Open addressing, 24 bytes a slot, at most three quarters full. It begins small and doubles up to its limit; while it
/// doubles both tables are there. The hash is SipHash with this process' own random key, so that nobody can make two keys
/// that are taken for one.
struct KeyOffsetMap: Sendable {
    private struct Slot {
        var high: UInt64 = 0
        var low: UInt64 = 0
        /// Negative where it is free.
        var offset: Int64 = -1
    }

    /// 2,097,152 slots: 48 MiB for 1,572,864 keys, 72 MiB for a moment while it grows to that.
    static let slotLimit = 1 << 21

    private var slots: [Slot]
    private let slotLimit: Int
    private(set) var count = 0

    init(slotLimit: Int = KeyOffsetMap.slotLimit) {
        precondition(slotLimit.nonzeroBitCount == 1, "the size of a table is a power of two")
        self.slotLimit = slotLimit
        slots = Array(repeating: Slot(), count: min(1024, slotLimit))
    }

    /// Remembers an offset, which is larger than those before.
    ///
    /// - Returns: false where there is no room for another key.
    mutating func put(_ key: RawSpan, _ offset: Offset) -> Bool {
        let (high, low) = Self.digest(of: key)
        let place = place(high, low)
        if slots[place].offset >= 0 {
            slots[place].offset = offset.value
            return true
        }
        if (count + 1) * 4 > slots.count * 3 {
            guard slots.count < slotLimit else { return false }
            grow()
            return put(key, offset)
        }
        slots[place] = Slot(high: high, low: low, offset: offset.value)
        count += 1
        return true
    }

    /// The newest offset of a key; nil for one that was not put in.
    func offset(of key: RawSpan) -> Offset? {
        if count == 0 { return nil }
        let (high, low) = Self.digest(of: key)
        let found = slots[place(high, low)].offset
        return found < 0 ? nil : Offset(found)
    }

    /// Where the hash is, or where it would be.
    private func place(_ high: UInt64, _ low: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: low) & (slots.count - 1)
        while slots[place].offset >= 0, slots[place].low != low || slots[place].high != high {
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.offset >= 0 { slots[place(slot.high, slot.low)] = slot }
    }

    private static func digest(of key: RawSpan) -> (high: UInt64, low: UInt64) {
        var high = Hasher()
        var low = Hasher()
        high.combine(0 as UInt8)
        low.combine(1 as UInt8)
        var position = 0
        while key.byteCount - position >= 8 {
            let word: UInt64 = key.int(at: position)
            high.combine(word)
            low.combine(word)
            position += 8
        }
        var rest: UInt64 = 0
        while position < key.byteCount {
            rest = rest << 8 | UInt64(key[position])
            position += 1
        }
        for word in [rest, UInt64(key.byteCount)] {
            high.combine(word)
            low.combine(word)
        }
        return (UInt64(bitPattern: Int64(high.finalize())), UInt64(bitPattern: Int64(low.finalize())))
    }
}
