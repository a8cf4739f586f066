import Accounts
import Bytes
import NATSProtocol
import Platform
import Subjects
import Transport

/// One NATS client: reads its commands, answers them, and hands what it publishes to its loop's
/// router.
///
/// Lives on its connection's loop.
final class ClientSession: ConnectionHandler {
    let connection: Connection
    /// Its account's, on its loop.
    private(set) var router: LoopRouter
    let service: NATSService
    let clientID: UInt64
    var subscriptions = SubscriptionTable()
    /// What of them lies in the indices of other accounts, by sid.
    var shadows: [[UInt8]: [Shadow]] = [:]
    /// What becomes of the subjects that it publishes to; see ``Habits/mapped``.
    var mappings = SubjectMappings()

    // What CONNECT says, as the commands after it need it.
    var habits: Habits = [.verbose]
    var clientProtocol = 0
    var isConnected = false
    /// What the client told about itself; nil before CONNECT.
    var details: ClientDetails?

    // Who it is: see Authentication/ClientSession+Authenticate.swift.
    var phase = Phase.ready
    var identity = Identity.open(account: AccountDirectory.defaultAccount)
    /// What the client has to sign; empty where nobody signs.
    var nonce = ""
    var authenticationTimer: TimerID?
    var expiryTimer: TimerID?
    /// Nil where no callout is asked.
    var openQuestion: OpenQuestion?

    // What it may do: see Authentication/ClientSession+Permissions.swift.
    /// Nil: everything.
    var permissions: CompiledPermissions?
    var answerPermits: ResponsePermits?
    /// Headers and payload of a message, in bytes.
    var maximumPayload: Int
    var maximumSubscriptions: Int

    struct Habits: OptionSet {
        let rawValue: UInt8
        static let verbose = Habits(rawValue: 1)
        static let pedantic = Habits(rawValue: 2)
        static let noResponders = Habits(rawValue: 4)
        static let headers = Habits(rawValue: 8)
        static let noEcho = Habits(rawValue: 16)
        /// There are subjects that it may not publish.
        static let restricted = Habits(rawValue: 32)
        /// Its account maps subjects.
        static let mapped = Habits(rawValue: 64)
        /// Those that a publish has to look at before it is routed.
        static let publishing: Habits = [.verbose, .pedantic, .restricted, .mapped]
    }

    struct ClientDetails {
        var name: String
        var language: String
        var version: String
    }

    // Keepalive, see ClientSession+Keepalive.swift.
    /// The options as of the last reload.
    private(set) var shared: SharedOptions
    var nextPingNanoseconds: Int64
    var isFirstPing = false
    var pingsOut = 0
    /// When the client last sent a PING of its own.
    var lastPingNanoseconds: Int64 = 0
    var sentSecondInfo = false

    /// What monitoring shows of it.
    var statistics: SessionStatistics
    /// Why it ends, where the session knows; the connection may have a reason of its own.
    var closeReason: CloseReason?
    /// How many times it has waited since it was last stopped for a slow receiver.
    var waitCount = 0

    /// Everybody begins in `$G`: see ``enter(_:)``.
    init(_ connection: Connection, service: NATSService, clientID: UInt64) {
        self.connection = connection
        router = service.accounts.global.router(on: connection.loop)
        router.account.entered()
        mappings = router.account.mappings
        habits = mappings.isEmpty ? [.verbose] : [.verbose, .mapped]
        self.service = service
        shared = service.sharedOptions(on: connection.loop)
        self.clientID = clientID
        maximumPayload = shared.options.maximumPayload
        let limit = shared.options.maximumSubscriptions
        maximumSubscriptions = limit > 0 ? limit : .max
        let now = connection.loop.monotonicNanoseconds
        statistics = SessionStatistics(start: connection.loop.now, nanoseconds: now)
        nextPingNanoseconds = now + shared.options.pingIntervalNanoseconds
        connection.pendingLimit = shared.options.maximumPending
        connection.writeTimeoutNanoseconds = shared.options.writeDeadlineNanoseconds
    }

    /// Puts the client into an account, without any subscriptions of the one it was in.
    func enter(_ account: AccountRouting) {
        guard account !== router.account else { return }
        removeAllSubscriptions()
        router.account.left()
        account.entered()
        router = account.router(on: connection.loop)
        router.begin()
        learnMappings()
    }

    /// Takes the options of a reload.
    func take(_ options: SharedOptions) {
        shared = options
        learnLimits()
        connection.writeTimeoutNanoseconds = options.options.writeDeadlineNanoseconds
        let latest = connection.loop.monotonicNanoseconds + options.options.pingIntervalNanoseconds
        nextPingNanoseconds = min(nextPingNanoseconds, latest)
    }

    func begin() {
        let directory = service.authenticator.directory
        beginAuthentication(directory)
        var info = service.info(for: connection)
        info.authRequired = directory.announcesCredentials
        if directory.needsNonce {
            nonce = Base64URL.encode(Entropy.bytes(11))
            info.nonce = nonce
        }
        info.clientID = clientID
        info.clientAddress = connection.remoteAddress.host
        connection.write(info.line)
        service.clientLog?.began(self)
    }

    func received(_ bytes: RawSpan, on connection: Connection) -> Int {
        if phase != .ready, let taken = receivedTooEarly(bytes) { return taken }
        router.begin()
        var parser = ClientParser(
            maximumControlLine: shared.options.maximumControlLine,
            maximumPayload: maximumPayload)
        parser.allowsHeaders = habits.contains(.headers)
        let consumed = bytes.withUnsafeBytes { raw in
            var position = 0
            while true {
                // Held here, so that no message has to.
                let router = router
                position = run(
                    &parser, raw.bytes, raw.baseAddress ?? LoopRouter.nowhere, from: position,
                    router)
                if router === self.router || !connection.isOpen { return position }
            }
        }
        slowDownIfNeeded()
        return connection.isOpen ? consumed : bytes.byteCount
    }

    /// All complete commands in `bytes` from `start` on, or those up to a CONNECT that leads into
    /// another account; `base` is where `bytes` begin.
    private func run(
        _ parser: inout ClientParser, _ bytes: RawSpan, _ base: UnsafeRawPointer, from start: Int,
        _ router: LoopRouter
    ) -> Int {
        var position = start
        var messages: UInt64 = 0
        var byteCount: UInt64 = 0
        var otherCommands = 0
        let traces = service.clientLog?.traces == true
        defer {
            router.statistics.messagesIn &+= messages
            router.statistics.bytesIn &+= byteCount
            statistics.messagesIn &+= messages
            statistics.bytesIn &+= byteCount
            if messages > 0 || otherCommands > 0 {
                statistics.lastInputNanoseconds = connection.loop.monotonicNanoseconds
            }
        }
        while true {
            switch parser.next(bytes, at: position) {
            case .publish:
                if traces { service.clientLog?.received(bytes, at: position, by: self) }
                messages &+= 1
                byteCount &+= UInt64(truncatingIfNeeded: parser.totalByteCount)
                publish(&parser, bytes, base, router)
                // What it may refuse leaves the connection open.
                position = parser.end
                continue
            case .incomplete: return position
            case .ping: receivedPing()
            case .pong: receivedPong()
            case .subscribe:
                otherCommands &+= 1
                subscribe(&parser, bytes)
            case .unsubscribe:
                otherCommands &+= 1
                unsubscribe(&parser, bytes)
            case .connect:
                otherCommands &+= 1
                connect(bytes.extracting(parser.argument.start..<parser.argument.end))
                parser.allowsHeaders = habits.contains(.headers)
                parser.maximumPayload = maximumPayload
                if phase == .authenticating || router !== self.router {
                    if traces { service.clientLog?.received(bytes, at: position, by: self) }
                    return parser.end
                }
            case .ignored: break
            case .unknownOperation: refuse(.unknownOperation)
            case .controlLineTooLong: refuse(.controlLineTooLong)
            case .payloadTooLarge: refuse(.payloadTooLarge)
            case .badArguments:
                // A client's own -ERR is not its mistake in speaking the protocol.
                end(bytes[byteAt: position] == UInt8(ascii: "-") ? .parseError : .protocolViolation)
            }
            if traces { service.clientLog?.received(bytes, at: position, by: self) }
            guard connection.isOpen else { return position }
            position = parser.end
        }
    }

    /// Says why, and ends the connection where that belongs to it.
    func refuse(_ refusal: ClientRefusal) {
        connection.write(ServerLine.error(refusal))
        if let reason = CloseReason(refusal) { end(reason) }
    }

    /// Ends the connection once what it was told is written.
    func end(_ reason: CloseReason) {
        if closeReason == nil { closeReason = reason }
        connection.goodbye = reason.goodbye
        connection.close(afterFlush: true)
    }

    func closed(_ connection: Connection) {
        let reason =
            closeReason ?? CloseReason(connection.endReason, serverStops: service.isStopping)
        service.remember(lastReport(reason))
        service.system?.disconnected(self, reason)
        endAuthentication()
        abandonSubscriptions()
        router.account.left()
        service.clientLog?.ended(self, reason)
        service.ended(self, reason, on: router.loop.index)
    }
}
