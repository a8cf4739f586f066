import Synchronization
import Transport

/// What monitoring may ask. Each loop is asked once and answers piece by piece, so that ten
/// thousand connections do not hold anybody's messages up.
extension NATSService {
    /// So many sessions are looked at in a turn.
    private static let sessionsPerTurn = 512

    /// All open connections, in no order, without their subscriptions. Any thread; `answer` runs on
    /// some loop, once, and has to be short.
    public func reportConnections(
        _ answer: @escaping @Sendable ([ConnectionReport]) -> Void
    ) {
        gather({ [$0.report] }, answer)
    }

    /// The subscriptions of the connections with these numbers, or of all. Any thread; `answer`
    /// runs on some loop, once, and has to be short.
    public func reportSubscriptions(
        of ids: Set<UInt64>? = nil,
        _ answer: @escaping @Sendable ([SubscriptionReport]) -> Void
    ) {
        gather(
            { session in
                guard ids?.contains(session.clientID) ?? true else { return [] }
                return session.subscriptionReports()
            }, answer)
    }

    /// The connections that ended, oldest first, at most as many as are remembered, and how many
    /// ended in all. Any thread.
    public var closedReports: (reports: [ConnectionReport], total: Int) { closedConnections.all }

    private func gather<Piece: Sendable>(
        _ look: @escaping @Sendable (ClientSession) -> [Piece],
        _ answer: @escaping @Sendable ([Piece]) -> Void
    ) {
        let collection = Collection(loops.count, answer)
        for (loop, list) in zip(loops, sessions) {
            loop.post {
                Self.gather(Array(list.all.values)[...], [], on: loop, look, collection)
            }
        }
    }

    private static func gather<Piece: Sendable>(
        _ rest: ArraySlice<ClientSession>, _ found: [Piece], on loop: EventLoop,
        _ look: @escaping @Sendable (ClientSession) -> [Piece], _ collection: Collection<Piece>
    ) {
        var found = found
        for session in rest.prefix(sessionsPerTurn) { found += look(session) }
        let rest = rest.dropFirst(sessionsPerTurn)
        if rest.isEmpty { return collection.add(found) }
        let next = Continuation(rest: rest, found: found)
        loop.post { gather(next.rest, next.found, on: loop, look, collection) }
    }

    /// What is carried to the loop's next turn. The sessions never leave their loop.
    private struct Continuation<Piece: Sendable>: @unchecked Sendable {
        let rest: ArraySlice<ClientSession>
        let found: [Piece]
    }

    /// The pieces of all loops; the last one to come answers.
    private final class Collection<Piece: Sendable>: Sendable {
        private struct State {
            var missing: Int
            var pieces: [Piece] = []
        }

        private let state: Mutex<State>
        private let answer: @Sendable ([Piece]) -> Void

        init(_ count: Int, _ answer: @escaping @Sendable ([Piece]) -> Void) {
            state = Mutex(State(missing: count))
            self.answer = answer
        }

        func add(_ pieces: [Piece]) {
            let all = state.withLock { state -> [Piece]? in
                state.pieces += pieces
                state.missing -= 1
                return state.missing == 0 ? state.pieces : nil
            }
            if let all { answer(all) }
        }
    }
}
