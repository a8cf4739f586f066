import DequeModule
import Synchronization

/// What happened to clients of the whole server since its start.
public struct ServiceStatistics: Sendable, Equatable {
    public var totalConnections: UInt64 = 0
    /// Cut off for too many pending bytes or a write deadline.
    public var slowConsumers: UInt64 = 0
    public var staleConnections: UInt64 = 0
    /// How often a publisher had to wait for a receiver.
    public var stalls: UInt64 = 0
}

/// The same, where it is counted. Any thread.
final class ServiceCounters: Sendable {
    let totalConnections = Atomic<UInt64>(0)
    let slowConsumers = Atomic<UInt64>(0)
    let staleConnections = Atomic<UInt64>(0)
    let stalls = Atomic<UInt64>(0)

    var now: ServiceStatistics {
        ServiceStatistics(
            totalConnections: totalConnections.load(ordering: .relaxed),
            slowConsumers: slowConsumers.load(ordering: .relaxed),
            staleConnections: staleConnections.load(ordering: .relaxed),
            stalls: stalls.load(ordering: .relaxed))
    }
}

/// The connections that ended last, the oldest of them forgotten first. Any thread.
final class ClosedConnections: Sendable {
    private struct Ring {
        var reports = Deque<ConnectionReport>()
        /// Also of those that are forgotten.
        var total = 0
    }

    private let limit: Int
    private let ring = Mutex(Ring())

    init(limit: Int) { self.limit = limit }

    func append(_ report: ConnectionReport) {
        guard limit > 0 else { return }
        ring.withLock { ring in
            if ring.reports.count >= limit { ring.reports.removeFirst() }
            ring.reports.append(report)
            ring.total += 1
        }
    }

    /// Oldest first, and how many there were in all.
    var all: (reports: [ConnectionReport], total: Int) {
        ring.withLock { (Array($0.reports), $0.total) }
    }
}
