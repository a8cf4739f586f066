import Accounts
import Bytes
import Logging
import Model
import NATSProtocol
import Synchronization
import Transport

/// What the server's log tells of clients: slow ones always, the others with `-D`, their protocol
/// lines with `-V`. In nats-server's words, since people search for them.
final class ClientLog: Sendable {
    private let log: Logger
    private let isTracing: Atomic<Bool>

    init(_ log: Logger) {
        self.log = log
        isTracing = Atomic(log.logLevel <= .trace)
    }

    /// Whether sessions hand over each command.
    var traces: Bool { isTracing.load(ordering: .relaxed) }

    /// Asks the log again what it wants to hear.
    func reload() { isTracing.store(log.logLevel <= .trace, ordering: .relaxed) }

    func began(_ session: ClientSession) {
        log.debug("\(Self.name(session)) - Client connection created")
    }

    func ended(_ session: ClientSession, _ reason: CloseReason) {
        let connection = session.connection
        switch reason {
        case .pendingBytes:
            log.info(
                "\(Self.name(session)) - Slow Consumer Detected: MaxPending of \(connection.pendingLimit) Exceeded"
            )
        case .writeDeadline:
            let deadline = DurationText.exact(nanoseconds: connection.writeTimeoutNanoseconds)
            log.info(
                "\(Self.name(session)) - Slow Consumer Detected: WriteDeadline of \(deadline) exceeded with \(connection.pendingBlockCount) chunks of \(connection.pendingByteCount) total bytes."
            )
        default: tellFailure(connection, Self.name(session))
        }
        log.debug("\(Self.name(session)) - Client connection closed: \(reason.rawValue)")
    }

    func lameDuckBegan() { log.info("Entering lame duck mode, stop accepting new clients") }
    func lameDuckCloses() { log.info("Closing existing clients") }

    /// A command that a client sent, up to the end of its line. What CONNECT carries may be secret,
    /// so only its verb is shown.
    func received(_ bytes: RawSpan, at position: Int, by session: ClientSession) {
        let end = bytes.firstPosition(of: UInt8(ascii: "\n"), from: position) ?? bytes.byteCount
        var line = String(repairingUTF8: bytes.extracting(position..<end))
        if line.last == "\r" { line.removeLast() }
        if line.prefix(7).uppercased() == "CONNECT" { line = "CONNECT" }
        log.trace("\(Self.name(session)) - <<- [\(line)]")
    }

    /// A connection that never had a session.
    func abandoned(_ connection: Connection) {
        tellFailure(connection, Self.address(connection))
    }

    /// TLS that did not come about is worth a word where it could be a wrong setting; strangers that
    /// knock at the port are not.
    private func tellFailure(_ connection: Connection, _ name: String) {
        switch connection.failure {
        case nil: break
        case .handshakeTimeout?, .tooManyHandshakes?, .notTLS?:
            log.debug("\(name) - \(connection.failure!)")
        case .some(let failure): log.error("\(name) - \(failure)")
        }
    }

    // MARK: Who may do what

    /// Why somebody was not let in, for those who look closely.
    func refused(_ session: ClientSession, _ refusal: AuthenticationRefusal) {
        log.debug("\(Self.name(session)) - \(refusal.text)")
    }

    func violated(
        _ session: ClientSession, _ options: ConnectOptions?, _ directory: AccountDirectory
    ) {
        var text = "authentication error"
        if let options, !directory.isOperatorMode {
            if !options.nkey.isEmpty {
                text += " - Nkey \(GoQuoted(options.nkey))"
            } else if !options.user.isEmpty {
                text += " - User \(GoQuoted(options.user))"
            }
        }
        log.error("\(Self.name(session)) - \(text)")
    }

    func warn(_ text: String) { log.warning("\(text)") }

    func warn(_ text: String, _ session: ClientSession) {
        log.warning("\(Self.name(session)) - \(text)")
    }

    func publishDenied(_ subject: String, _ session: ClientSession) {
        log.error("\(Self.name(session)) - Publish Violation - Subject \(GoQuoted(subject))")
    }

    func replyDenied(_ reply: String, _ session: ClientSession) {
        log.error("\(Self.name(session)) - Publish Violation - Reply \(GoQuoted(reply))")
    }

    func subscriptionDenied(
        _ subject: String, queue: String, sid: String, _ session: ClientSession
    ) {
        let group = queue.isEmpty ? "" : ", Queue: \(GoQuoted(queue))"
        log.error(
            "\(Self.name(session)) - Subscription Violation - Subject \(GoQuoted(subject))\(group), SID \(sid)"
        )
    }

    func subscriptionRemoved(
        _ subject: String, queue: String, sid: String, _ session: ClientSession
    ) {
        let group = queue.isEmpty ? "" : " using queue \(GoQuoted(queue))"
        log.notice(
            "\(Self.name(session)) - Removed sub \(GoQuoted(subject))\(group) (sid \(GoQuoted(sid))) - not authorized"
        )
    }

    private static func name(_ session: ClientSession) -> String {
        let kind = session.connection.kind == .webSocket ? "wid" : "cid"
        return "\(address(session.connection)) - \(kind):\(session.clientID)\(label(session))"
    }

    /// ` - "account/user:name"`, for clients that have said who they are.
    private static func label(_ session: ClientSession) -> String {
        let account = session.identity.account
        return switch session.identity.user {
        case .none: ""
        case .name(let name): " - \(GoQuoted("\(account)/user:\(name)"))"
        case .nkey(let key): " - \(GoQuoted("\(account)/nkey:\(key)"))"
        case .jwt(let key, _): " - \(GoQuoted("\(account)/jwt:\(key)"))"
        case .token: " - \(GoQuoted("\(account)/token"))"
        }
    }

    private static func address(_ connection: Connection) -> String {
        let (host, port) = connection.remoteAddress
        let client = connection.webSocketRequest?.forwardedFor.map { $0 + "/" } ?? ""
        return "\(client)\(host):\(port)"
    }
}
