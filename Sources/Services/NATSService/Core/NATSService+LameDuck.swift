import NATSProtocol
import Synchronization
import Transport

/// Lame duck mode: the server takes no more clients and lets go of those it has, a few at a time,
/// so that they don't all come to another server at once.
///
/// Clients that understand it are told by an INFO with `ldm`; after the grace period they are closed
/// one after the other until the duration is over, never more than a second apart.
extension NATSService {
    /// - Parameter done: called once, on some loop, when the last client was told to go.
    public func enterLameDuck(_ done: @escaping @Sendable () -> Void) {
        guard !lameDuck.exchange(true, ordering: .relaxed) else { return }
        clientLog?.lameDuckBegan()
        loops[0].post { [system, listener, webSocketListener] in
            system?.tellEnd("LAMEDUCK")
            listener?.close()
            webSocketListener?.close()
        }
        guard clientCount > 0 else { return done() }
        let rest = options.lameDuckDurationNanoseconds - options.lameDuckGraceNanoseconds
        let duration = rest > 0 ? rest : 1_000_000_000
        let countdown = Countdown(loops.count)
        for (loop, list) in zip(loops, sessions) {
            loop.post { [self] in
                for session in list.all.values { session.announceLameDuck() }
                loop.schedule(afterNanoseconds: options.lameDuckGraceNanoseconds) { [self] in
                    if loop.index == 0 { clientLog?.lameDuckCloses() }
                    let ids = Array(list.all.keys)[...]
                    let pace = LameDuckPace(clientCount: ids.count, duration: duration)
                    letGo(ids, of: list, on: loop, pace) { if countdown.isLast() { done() } }
                }
            }
        }
    }

    private func letGo(
        _ ids: ArraySlice<UInt64>, of list: SessionList, on loop: EventLoop, _ pace: LameDuckPace,
        _ done: @escaping @Sendable () -> Void
    ) {
        for id in ids.prefix(pace.batch) { list.all[id]?.end(.serverShutdown) }
        let rest = ids.dropFirst(pace.batch)
        if rest.isEmpty { return done() }
        // At least half of the interval, and by chance, so that several servers don't march in step.
        let interval = pace.intervalNanoseconds
        let delay = Int64.random(in: interval / 2...interval)
        loop.schedule(afterNanoseconds: delay) { [self] in letGo(rest, of: list, on: loop, pace, done) }
    }

    private final class Countdown: Sendable {
        private let missing: Atomic<Int>

        init(_ count: Int) { missing = Atomic(count) }

        func isLast() -> Bool { missing.subtract(1, ordering: .relaxed).newValue == 0 }
    }
}

/// How many clients go at a time, and how long it is to the next ones.
struct LameDuckPace: Equatable {
    var batch = 1
    var intervalNanoseconds: Int64 = 1_000_000_000

    private static let shortest: Int64 = 1_000_000
    private static let longest: Int64 = 1_000_000_000

    init(clientCount: Int, duration: Int64) {
        guard clientCount > 0 else { return }
        intervalNanoseconds = min(duration / Int64(clientCount), Self.longest)
        guard intervalNanoseconds < Self.shortest else { return }
        intervalNanoseconds = Self.shortest
        let steps = max(1, Int(duration / Self.shortest))
        batch = (clientCount + steps - 1) / steps
    }
}

extension ClientSession {
    /// Only to clients that have had their second INFO, or wait for it: others do not expect one.
    func announceLameDuck() {
        guard clientProtocol >= 1, sentSecondInfo else { return }
        var info = laterInfo
        info.lameDuckMode = true
        connection.write(info.line)
    }
}
