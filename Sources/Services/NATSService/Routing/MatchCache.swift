import Bytes
import Glibc

/// The matches that one loop has made, by subject: sets of four, the oldest of a set replaced.
///
/// A subject is kept only when it is asked for a second time: the inboxes of single requests pass
/// through without pushing anything out.
struct MatchCache {
    typealias Entry = UnsafeMutablePointer<MatchEntry>

    private static let setCount = 4096
    private static let ways = 4
    /// So many recipients in all entries together; subjects with thousands of them must not fill
    /// the memory.
    private static let recipientLimit = 1 << 20

    private let slots: UnsafeMutablePointer<Entry?>
    private let hashes: UnsafeMutablePointer<UInt64>
    private static let markCount = 16384
    /// Marks of the hashes that were asked for once.
    private let marks: UnsafeMutablePointer<UInt32>
    private var nextWay = 0
    private var turnedAway = 0
    private(set) var recipientCount = 0
    /// How many subjects are kept.
    private(set) var entryCount = 0
    /// The last one that was not kept.
    private var transient: Entry?

    init() {
        let count = Self.setCount * Self.ways
        // Zeroed by the kernel page by page, as they are touched: a cache that is not used takes no
        // memory.
        slots = calloc(count, MemoryLayout<Entry?>.stride)!.assumingMemoryBound(to: Entry?.self)
        hashes = calloc(count, 8)!.assumingMemoryBound(to: UInt64.self)
        marks = calloc(Self.markCount, 4)!.assumingMemoryBound(to: UInt32.self)
    }

    func deallocate() {
        for index in 0..<Self.setCount * Self.ways { slots[index].map(Self.free) }
        transient.map(Self.free)
        Glibc.free(slots)
        Glibc.free(hashes)
        Glibc.free(marks)
    }

    @inline(__always)
    func find(_ hash: UInt64, _ subject: UnsafeRawPointer, _ count: Int) -> Entry? {
        let set = Self.set(hash)
        var index = set
        while index < set &+ Self.ways {
            if hashes[index] == hash, let entry = slots[index],
                entry.pointee.subjectByteCount == count,
                memcmp(entry.pointee.subject, subject, count) == 0
            {
                return entry
            }
            index &+= 1
        }
        return nil
    }

    /// Takes over `entry`, which stays good until the next `insert`.
    mutating func insert(_ entry: Entry) {
        if let old = transient {
            Self.free(old)
            transient = nil
        }
        let hash = entry.pointee.hash
        let set = Self.set(hash)
        // The same subject, outdated, makes room first.
        for index in set..<set + Self.ways where hashes[index] == hash {
            if let old = slots[index], Self.sameSubject(old, entry) {
                recipientCount += entry.pointee.recipientCount - old.pointee.recipientCount
                Self.free(old)
                slots[index] = entry
                return
            }
        }
        let mark = UInt32(truncatingIfNeeded: hash >> 32) | 1
        let markIndex = Int(truncatingIfNeeded: hash >> 16) & (Self.markCount - 1)
        turnedAway &+= 1
        // Now and then one is kept at first sight, so that two that share a mark cannot keep each
        // other out for ever.
        guard marks[markIndex] == mark || turnedAway % 16 == 0 else {
            marks[markIndex] = mark
            transient = entry
            return
        }
        if recipientCount + entry.pointee.recipientCount > Self.recipientLimit { removeAll() }
        var index = set
        while index < set + Self.ways, slots[index] != nil { index += 1 }
        if index == set + Self.ways {
            nextWay = (nextWay + 1) % Self.ways
            index = set + nextWay
        }
        if let old = slots[index] {
            recipientCount -= old.pointee.recipientCount
            entryCount -= 1
            Self.free(old)
        }
        entryCount += 1
        recipientCount += entry.pointee.recipientCount
        slots[index] = entry
        hashes[index] = hash
    }

    private mutating func removeAll() {
        for index in 0..<Self.setCount * Self.ways {
            slots[index].map(Self.free)
            slots[index] = nil
            hashes[index] = 0
        }
        recipientCount = 0
        entryCount = 0
    }

    @inline(__always)
    private static func set(_ hash: UInt64) -> Int {
        (Int(truncatingIfNeeded: hash) & (setCount &- 1)) &* ways
    }

    private static func sameSubject(_ left: Entry, _ right: Entry) -> Bool {
        left.pointee.subjectByteCount == right.pointee.subjectByteCount
            && memcmp(left.pointee.subject, right.pointee.subject, left.pointee.subjectByteCount)
                == 0
    }

    private static func free(_ entry: Entry) {
        entry.pointee.deallocate()
        entry.deinitialize(count: 1)
        entry.deallocate()
    }
}
