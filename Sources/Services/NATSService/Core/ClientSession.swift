import Bytes
import NATSProtocol
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
    var subscriptions: [[UInt8]: Subscription] = [:]

    // What CONNECT says, as the commands after it need it.
    var habits: Habits = [.verbose]
    var clientProtocol = 0
    var isConnected = false
    /// What the client told about itself; nil before CONNECT.
    var identity: Identity?

    struct Habits: OptionSet {
        let rawValue: UInt8
        static let verbose = Habits(rawValue: 1)
        static let pedantic = Habits(rawValue: 2)
        static let noResponders = Habits(rawValue: 4)
        static let headers = Habits(rawValue: 8)
        static let noEcho = Habits(rawValue: 16)
        /// Those that a publish has to look at before it is routed.
        static let publishing: Habits = [.verbose, .pedantic]
    }

    struct Identity {
        var name: String
        var language: String
        var version: String
    }

    // Keepalive, see ClientSession+Keepalive.swift.
    var nextPingNanoseconds: Int64
    var isFirstPing = false
    var pingsOut = 0
    var sentSecondInfo = false

    var stallCount = 0

    /// Everybody begins in `$G`: see ``enter(_:)``.
    init(_ connection: Connection, service: NATSService, clientID: UInt64) {
        self.connection = connection
        router = service.accounts.global.router(on: connection.loop)
        router.account.entered()
        self.service = service
        self.clientID = clientID
        nextPingNanoseconds =
            connection.loop.monotonicNanoseconds + service.options.pingIntervalNanoseconds
        connection.pendingLimit = service.options.maximumPending
        connection.writeTimeoutNanoseconds = service.options.writeDeadlineNanoseconds
    }

    /// Puts the client into an account, without any subscriptions of the one it was in.
    func enter(_ account: AccountRouting) {
        guard account !== router.account else { return }
        removeAllSubscriptions()
        router.account.left()
        account.entered()
        router = account.router(on: connection.loop)
        router.begin()
    }

    func begin() {
        var info = service.info
        info.clientID = clientID
        info.clientAddress = connection.remoteAddress.host
        connection.write(info.line)
        service.clientLog?.began(self)
    }

    func received(_ bytes: RawSpan, on connection: Connection) -> Int {
        router.begin()
        var parser = ClientParser(
            maximumControlLine: service.options.maximumControlLine,
            maximumPayload: service.options.maximumPayload)
        parser.allowsHeaders = habits.contains(.headers)
        let consumed = bytes.withUnsafeBytes { raw in
            run(&parser, raw.bytes, raw.baseAddress ?? LoopRouter.nowhere)
        }
        slowDownIfNeeded()
        return connection.isOpen ? consumed : bytes.byteCount
    }

    /// All complete commands in `bytes`; `base` is where they begin.
    private func run(
        _ parser: inout ClientParser, _ bytes: RawSpan, _ base: UnsafeRawPointer
    ) -> Int {
        var position = 0
        var messages: UInt64 = 0
        var byteCount: UInt64 = 0
        let traces = service.clientLog?.traces == true
        defer {
            router.statistics.messagesIn &+= messages
            router.statistics.bytesIn &+= byteCount
        }
        while true {
            switch parser.next(bytes, at: position) {
            case .publish:
                if traces { service.clientLog?.received(bytes, at: position, by: self) }
                messages &+= 1
                byteCount &+= UInt64(truncatingIfNeeded: parser.totalByteCount)
                publish(parser, bytes, base)
                // What it may refuse leaves the connection open.
                position = parser.end
                continue
            case .incomplete: return position
            case .ping: receivedPing()
            case .pong: pingsOut = 0
            case .subscribe: subscribe(parser, bytes)
            case .unsubscribe: unsubscribe(parser, bytes)
            case .connect:
                connect(bytes.extracting(parser.argument.start..<parser.argument.end))
                parser.allowsHeaders = habits.contains(.headers)
            case .ignored: break
            case .unknownOperation: refuse(.unknownOperation)
            case .controlLineTooLong: refuse(.controlLineTooLong)
            case .payloadTooLarge: refuse(.payloadTooLarge)
            case .badArguments: connection.close(afterFlush: true)
            }
            if traces { service.clientLog?.received(bytes, at: position, by: self) }
            guard connection.isOpen else { return position }
            position = parser.end
        }
    }

    /// Says why, and ends the connection where that belongs to it.
    func refuse(_ refusal: ClientRefusal) {
        connection.write(ServerLine.error(refusal))
        if refusal.endsConnection { connection.close(afterFlush: true) }
    }

    func closed(_ connection: Connection) {
        removeAllSubscriptions()
        router.account.left()
        service.clientLog?.ended(self)
        service.ended(self, on: router.loop.index)
    }
}
