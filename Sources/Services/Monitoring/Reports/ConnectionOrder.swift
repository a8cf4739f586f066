import Model
import NATSService

/// How `/connz` may be sorted. Counts begin with the largest, the rest with the smallest.
enum ConnectionOrder: Sendable {
    case id, start, subscriptions, pending, messagesTo, messagesFrom, bytesTo, bytesFrom
    case last, idle, uptime, stop, reason, roundTrip

    /// Nil for a name that nats-server does not know.
    init?(name: String) {
        switch name {
        case "", "cid": self = .id
        case "start": self = .start
        case "subs": self = .subscriptions
        case "pending": self = .pending
        case "msgs_to": self = .messagesTo
        case "msgs_from": self = .messagesFrom
        case "bytes_to": self = .bytesTo
        case "bytes_from": self = .bytesFrom
        case "last": self = .last
        case "idle": self = .idle
        case "uptime": self = .uptime
        case "stop": self = .stop
        case "reason": self = .reason
        case "rtt": self = .roundTrip
        default: return nil
        }
    }

    func sort(_ reports: inout [ConnectionReport], now: Int64) {
        switch self {
        case .id: reports.sort { $0.id < $1.id }
        case .start: reports.sort { ($0.start, $0.id) < ($1.start, $1.id) }
        case .subscriptions: descend(&reports) { $0.subscriptionCount }
        case .pending: descend(&reports) { $0.pendingByteCount }
        case .messagesTo: descend(&reports) { $0.messagesOut }
        case .messagesFrom: descend(&reports) { $0.messagesIn }
        case .bytesTo: descend(&reports) { $0.bytesOut }
        case .bytesFrom: descend(&reports) { $0.bytesIn }
        case .last: descend(&reports) { $0.lastActivity }
        case .idle: descend(&reports) { now - $0.lastActivity.nanoseconds }
        case .uptime:
            descend(&reports) { $0.start.nanoseconds - ($0.stop?.nanoseconds ?? now) }
        case .stop: descend(&reports) { $0.stop?.nanoseconds ?? 0 }
        case .reason:
            reports.sort { ($0.reason?.rawValue ?? "", $0.id) < ($1.reason?.rawValue ?? "", $1.id) }
        case .roundTrip: descend(&reports) { $0.roundTripNanoseconds }
        }
    }

    private func descend(
        _ reports: inout [ConnectionReport], by key: (ConnectionReport) -> some Comparable
    ) {
        reports.sort {
            let (left, right) = (key($0), key($1))
            return left == right ? $0.id < $1.id : left > right
        }
    }
}
