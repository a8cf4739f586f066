import Accounts
import NATSProtocol
import Platform
import Transport

/// PINGs: one soon after CONNECT, then one for each interval in which nothing came.
extension ClientSession {
    static let firstPingNanoseconds: Int64 = 2_000_000_000

    /// Two seconds and up to a fifth more, so that clients that came together are not asked
    /// together.
    func scheduleFirstPing() {
        let delay = Self.firstPingNanoseconds + Int64.random(in: 0...Self.firstPingNanoseconds / 5)
        let first = connection.loop.monotonicNanoseconds + delay
        guard first < nextPingNanoseconds else { return }
        nextPingNanoseconds = first
        isFirstPing = true
    }

    /// Called a few times a second.
    func checkKeepalive(_ now: Int64) {
        guard now >= nextPingNanoseconds, connection.isOpen else { return }
        let interval = shared.options.pingIntervalNanoseconds
        // A PONG is no sign that the client has something to say.
        let isQuiet = now - max(statistics.lastInputNanoseconds, lastPingNanoseconds) >= interval
        nextPingNanoseconds = now + interval
        guard isQuiet || isFirstPing else { return }
        if !isFirstPing, pingsOut >= shared.options.maximumPingsOut {
            return refuse(.staleConnection)
        }
        isFirstPing = false
        pingsOut += 1
        statistics.pingNanoseconds = Clock.monotonicNanoseconds()
        connection.write(ServerLine.ping)
    }

    func receivedPong() {
        pingsOut = 0
        guard statistics.pingNanoseconds > 0 else { return }
        statistics.roundTripNanoseconds = Self.roundTrip(since: statistics.pingNanoseconds)
        statistics.pingNanoseconds = 0
    }

    /// At the first CONNECT, which answers INFO: good enough until a PING was answered.
    func estimateRoundTrip() {
        statistics.roundTripNanoseconds = Self.roundTrip(since: statistics.startNanoseconds)
    }

    /// In whole microseconds, and at least one.
    private static func roundTrip(since start: Int64) -> Int64 {
        max(1, (Clock.monotonicNanoseconds() - start) / 1_000) * 1_000
    }

    /// Behind the first PONG, a client that understands it is told what the server knows by now.
    func receivedPing() {
        lastPingNanoseconds = connection.loop.monotonicNanoseconds
        connection.write(ServerLine.pong)
        guard clientProtocol >= 1, !sentSecondInfo else { return }
        sentSecondInfo = true
        connection.write(laterInfo.line)
    }

    /// What an INFO says after CONNECT.
    var laterInfo: ServerInfo {
        var info = service.info(for: connection)
        info.clientID = clientID
        info.clientAddress = connection.remoteAddress.host
        info.authRequired = service.authenticator.directory.announcesCredentials
        info.nonce = nonce
        info.maximumPayload = maximumPayload
        info.accountName = router.account.name
        return info
    }
}
