import Bytes

/// The subscriptions of one client, by sid.
///
/// Open addressing with linear probing. Beyond 4,096 it is cut into 256 parts that grow one by one, and that can be taken
/// one by one: with millions of subscriptions no single SUB, and no end of a connection, holds up the loop.
struct SubscriptionTable {
    private struct Slot {
        var hash: UInt64 = 0
        var subscription: Subscription?
    }

    private struct Part {
        var slots: [Slot] = []
        var count = 0
    }

    private var parts = [Part()]
    private(set) var count = 0

    private static let undividedCount = 4096
    private static let partCount = 256
    private static let seed = UInt64.random(in: .min ... .max)

    /// Setting one that is there replaces it.
    subscript(sid: [UInt8]) -> Subscription? {
        get {
            let hash = Self.hash(sid)
            let part = part(of: hash)
            guard parts[part].count > 0 else { return nil }
            return parts[part].slots[slot(of: sid, hash, in: part)].subscription
        }
        set {
            let hash = Self.hash(sid)
            if let newValue { insert(newValue, hash) } else { remove(sid, hash) }
        }
    }

    /// In no order.
    var values: some Sequence<Subscription> {
        parts.lazy.flatMap { $0.slots.lazy.compactMap(\.subscription) }
    }

    /// Takes some thousands out, or what is left: none only where none was. What is still in it can then only be taken.
    mutating func takeSome() -> [Subscription] {
        var taken: [Subscription] = []
        while count > 0, taken.count < Self.undividedCount / 2, let part = parts.popLast() {
            for slot in part.slots { if let subscription = slot.subscription { taken.append(subscription) } }
            count -= part.count
        }
        if count == 0 { self = SubscriptionTable() }
        return taken
    }

    private mutating func insert(_ subscription: Subscription, _ hash: UInt64) {
        var part = part(of: hash)
        if (parts[part].count + 1) * 4 > parts[part].slots.count * 3 {
            grow(part)
            part = self.part(of: hash)
        }
        let slot = slot(of: subscription.sid, hash, in: part)
        if parts[part].slots[slot].subscription == nil {
            parts[part].count += 1
            count += 1
        }
        parts[part].slots[slot] = Slot(hash: hash, subscription: subscription)
    }

    private mutating func remove(_ sid: [UInt8], _ hash: UInt64) {
        let part = part(of: hash)
        guard parts[part].count > 0 else { return }
        var hole = slot(of: sid, hash, in: part)
        guard parts[part].slots[hole].subscription != nil else { return }
        count -= 1
        parts[part].count -= 1
        if parts[part].count == 0 { return parts[part].slots = [] }
        // Those behind the hole move up, unless they would then stand before their own first slot.
        let mask = parts[part].slots.count - 1
        var next = (hole + 1) & mask
        while parts[part].slots[next].subscription != nil {
            let home = Int(truncatingIfNeeded: parts[part].slots[next].hash) & mask
            if (next - home) & mask >= (next - hole) & mask {
                parts[part].slots.swapAt(hole, next)
                hole = next
            }
            next = (next + 1) & mask
        }
        parts[part].slots[hole] = Slot()
    }

    /// Where `sid` is, or would be. The part has a vacant slot.
    private func slot(of sid: [UInt8], _ hash: UInt64, in part: Int) -> Int {
        let mask = parts[part].slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while let subscription = parts[part].slots[slot].subscription {
            if parts[part].slots[slot].hash == hash, subscription.sid == sid { return slot }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow(_ part: Int) {
        let old = parts[part].slots
        if parts.count == 1, count >= Self.undividedCount {
            parts = Array(repeating: Part(), count: Self.partCount)
        } else {
            parts[part] = Part(slots: Array(repeating: Slot(), count: max(4, old.count * 2)), count: 0)
        }
        count -= old.count { $0.subscription != nil }
        for slot in old { if let subscription = slot.subscription { insert(subscription, slot.hash) } }
    }

    /// The lower bits choose the slot.
    private func part(of hash: UInt64) -> Int {
        parts.count == 1 ? 0 : Int(truncatingIfNeeded: hash >> 56)
    }

    private static func hash(_ sid: [UInt8]) -> UInt64 { quickHash(sid.span.bytes, seed: seed) }
}
