import Bytes
import DequeModule
public import ServerConfig
import Synchronization

/// The answers that one connection may still give: reply subjects of what it received, how often,
/// and until when.
///
/// Messages are delivered by any loop, answers come in on the connection's own, so this is behind a
/// lock. Only connections whose user has `allow_responses` have one.
///
/// Source: nats-server 2.15, `client.setResponsePermissionIfNeeded` and `pruneReplyPerms`.
public final class ResponsePermits: Sendable {
    private let permission: ResponsePermission
    private let state = Mutex(State())

    private struct State {
        var permits: [[UInt8]: Permit] = [:]
        /// In the order in which they came; one that was renewed is there twice, with its old number
        /// first.
        var order = Deque<(reply: [UInt8], number: UInt64)>()
        var lastNumber: UInt64 = 0
    }

    private struct Permit {
        var number: UInt64
        var givenNanoseconds: Int64
        var used = 0
    }

    /// So many at most: then the oldest goes, used or not.
    public static let limit = 65_536

    public init(_ permission: ResponsePermission) { self.permission = permission }

    public var count: Int { state.withLock { $0.permits.count } }

    /// A message that asks for an answer at `reply` is delivered. `now` is monotonic, as for
    /// ``use(_:now:)``.
    public func give(_ reply: RawSpan, now: Int64) {
        let reply = [UInt8](copying: reply)
        state.withLock { state in
            state.lastNumber += 1
            let number = state.lastNumber
            state.permits[reply] = Permit(number: number, givenNanoseconds: now)
            state.order.append((reply, number))
            prune(&state, now)
            dropVacant(&state)
        }
    }

    /// Whether an answer may be published to `reply`, which counts as one.
    public func use(_ reply: RawSpan, now: Int64) -> Bool {
        let reply = [UInt8](copying: reply)
        return state.withLock { state in
            guard var permit = state.permits[reply] else { return false }
            permit.used += 1
            let isUsedUp =
                permission.maximumMessages >= 0 && permit.used > permission.maximumMessages
            if isUsedUp || isExpired(permit, now) {
                state.permits[reply] = nil
                return false
            }
            state.permits[reply] = permit
            return true
        }
    }

    private func isExpired(_ permit: Permit, _ now: Int64) -> Bool {
        permission.expiresNanoseconds >= 0
            && now - permit.givenNanoseconds > permission.expiresNanoseconds
    }

    /// Takes out what is expired, renewed, used up or too much, oldest first: a step for each that
    /// was put in.
    private func prune(_ state: inout State, _ now: Int64) {
        while let oldest = state.order.first {
            if let permit = state.permits[oldest.reply], permit.number == oldest.number {
                guard isExpired(permit, now) || state.permits.count > Self.limit else { return }
                state.permits[oldest.reply] = nil
            }
            state.order.removeFirst()
        }
    }

    /// An old permit that stays must not keep the places of all that were used up behind it.
    private func dropVacant(_ state: inout State) {
        guard state.order.count > 1024, state.order.count > 4 * state.permits.count else { return }
        state.order.removeAll { state.permits[$0.reply]?.number != $0.number }
    }
}
