import DequeModule
import Model

/// Which message ids a stream took lately, so that a repeated publish gets the sequence of the first.
///
/// An id counts for as long as the window after its message was stored, also when the message is gone.
struct DedupeWindow: Sendable {
    private struct Arrival: Sendable {
        var id: [UInt8]
        var sequence: UInt64
        var time: Timestamp
    }

    private var sequences: [[UInt8]: UInt64] = [:]
    private var arrivals: Deque<Arrival> = []

    var count: Int { sequences.count }

    /// All ids that it remembers, oldest first: a snapshot keeps them.
    var entries: some RandomAccessCollection<(id: [UInt8], sequence: UInt64, time: Timestamp)> {
        arrivals.lazy.map { ($0.id, $0.sequence, $0.time) }
    }

    /// The sequence that `id` has, if it was stored less than `window` nanoseconds before `now`.
    func sequence(of id: [UInt8], now: Timestamp, window: Int64) -> UInt64? {
        guard let sequence = sequences[id] else { return nil }
        guard let oldest = arrivals.first, isOver(oldest, now: now, window: window) else {
            return sequence
        }
        // Some are over and not swept yet; this one may be among them.
        for arrival in arrivals {
            guard isOver(arrival, now: now, window: window) else { return sequence }
            if arrival.sequence == sequence { return nil }
        }
        return nil
    }

    mutating func store(_ id: [UInt8], sequence: UInt64, time: Timestamp, window: Int64) {
        sweep(now: time, window: window)
        sequences[id] = sequence
        arrivals.append(Arrival(id: id, sequence: sequence, time: time))
    }

    mutating func sweep(now: Timestamp, window: Int64) {
        while let oldest = arrivals.first, isOver(oldest, now: now, window: window) {
            if sequences[oldest.id] == oldest.sequence { sequences[oldest.id] = nil }
            arrivals.removeFirst()
        }
    }

    private func isOver(_ arrival: Arrival, now: Timestamp, window: Int64) -> Bool {
        now.nanoseconds - arrival.time.nanoseconds >= window
    }
}
