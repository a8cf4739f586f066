import DequeModule
import HeapModule

/// When deliveries have to be acked, earliest first. Entries whose delivery is over are skipped, not searched.
///
/// Most deadlines come in order, as each is "now and a fixed wait"; those wait in line, the others in a heap.
struct DeadlineQueue: Sendable {
    struct Entry: Comparable, Sendable {
        var deadline: Int64
        var sequence: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            left.deadline != right.deadline
                ? left.deadline < right.deadline : left.sequence < right.sequence
        }
    }

    private var line: Deque<Entry> = []
    private var heap = Heap<Entry>()

    /// All of them, in no order.
    var entries: [Entry] { Array(line) + heap.unordered }

    mutating func insert(deadline: Int64, sequence: UInt64) {
        let entry = Entry(deadline: deadline, sequence: sequence)
        if let last = line.last, entry < last { heap.insert(entry) } else { line.append(entry) }
    }

    /// The earliest entry that still `isCurrent`. Those before it are dropped.
    mutating func first(where isCurrent: (Entry) -> Bool) -> Entry? {
        while let entry = line.first, !isCurrent(entry) { line.removeFirst() }
        while let entry = heap.min, !isCurrent(entry) { heap.removeMin() }
        switch (line.first, heap.min) {
        case (let one?, let two?): return min(one, two)
        case (let one, let two): return one ?? two
        }
    }

    /// Takes out what ``first(where:)`` has just returned.
    mutating func remove(_ entry: Entry) {
        if line.first == entry { line.removeFirst() } else { heap.removeMin() }
    }

    /// Drops all entries that are not current, once they are many more than the `liveCount` that can be.
    mutating func compact(liveCount: Int, where isCurrent: (Entry) -> Bool) {
        let limit = liveCount * 2 + 1024
        if line.count > limit { line = Deque(line.filter(isCurrent)) }
        if heap.count > limit { heap = Heap(heap.unordered.filter(isCurrent)) }
    }
}
