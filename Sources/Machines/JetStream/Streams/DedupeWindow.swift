import DequeModule
import Model

/// Which message ids a stream took lately, so that a repeated publish gets the sequence of the first.
///
/// An id counts for as long as the window after its message was stored, also when the message is gone. Snapshots are copies: what
/// changes behind one copies a part of the table and a chunk of the queue, never all of the window.
struct DedupeWindow: Sendable {
    struct Arrival: Sendable {
        var id: [UInt8]
        var sequence: UInt64
        var time: Timestamp
    }

    private var table = MessageIDTable()
    /// Oldest first, in chunks. Of the first chunk `goneCount` are gone.
    private var chunks: Deque<[Arrival]> = []
    private var goneCount = 0
    private var arrivalCount = 0

    private static let chunkCount = 1024
    /// So many that are over go with each that is stored, so that a long pause is not paid for at once.
    private static let sweepCount = 8

    var count: Int { table.count }

    /// How many ``entries`` there are.
    var entryCount: Int { arrivalCount }

    /// All ids that it remembers, oldest first: a snapshot keeps them. Some may be over.
    var entries: some Sequence<Arrival> { chunks.joined().dropFirst(goneCount) }

    /// The sequence that `id` has, if it was stored less than `window` nanoseconds before `now`.
    func sequence(of id: [UInt8], now: Timestamp, window: Int64) -> UInt64? {
        guard let entry = table[id], !isOver(entry.time, now: now, window: window) else { return nil }
        return entry.sequence
    }

    mutating func store(_ id: [UInt8], sequence: UInt64, time: Timestamp, window: Int64) {
        sweep(now: time, window: window)
        table.set(id, .init(sequence: sequence, time: time))
        if chunks.last.map({ $0.count == Self.chunkCount }) ?? true {
            chunks.append([])
            chunks[chunks.count - 1].reserveCapacity(arrivalCount < Self.chunkCount ? 0 : Self.chunkCount)
        }
        chunks[chunks.count - 1].append(Arrival(id: id, sequence: sequence, time: time))
        arrivalCount += 1
    }

    private mutating func sweep(now: Timestamp, window: Int64) {
        for _ in 0..<Self.sweepCount {
            guard let oldest = chunks.first?[goneCount], isOver(oldest.time, now: now, window: window) else { return }
            // It may have come again since.
            if table[oldest.id]?.sequence == oldest.sequence { table.remove(oldest.id) }
            arrivalCount -= 1
            goneCount += 1
            if goneCount == chunks[0].count {
                chunks.removeFirst()
                goneCount = 0
            }
        }
    }

    private func isOver(_ time: Timestamp, now: Timestamp, window: Int64) -> Bool {
        now.nanoseconds - time.nanoseconds >= window
    }
}
