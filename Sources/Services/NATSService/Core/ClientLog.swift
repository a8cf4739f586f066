import Bytes
import Logging
import Model
import Transport

/// What the server's log tells of clients: slow ones always, the others with `-D`, their protocol
/// lines with `-V`. In nats-server's words, since people search for them.
struct ClientLog: Sendable {
    private let log: Logger
    /// Whether sessions hand over each command.
    let traces: Bool

    init(_ log: Logger) {
        self.log = log
        traces = log.logLevel <= .trace
    }

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
        default: break
        }
        log.debug("\(Self.name(session)) - Client connection closed: \(reason.rawValue)")
    }

    /// A command that a client sent, up to the end of its line. What CONNECT carries may be secret,
    /// so only its verb is shown.
    func received(_ bytes: RawSpan, at position: Int, by session: ClientSession) {
        let end = bytes.firstPosition(of: UInt8(ascii: "\n"), from: position) ?? bytes.byteCount
        var line = String(repairingUTF8: bytes.extracting(position..<end))
        if line.last == "\r" { line.removeLast() }
        if line.prefix(7).uppercased() == "CONNECT" { line = "CONNECT" }
        log.trace("\(Self.name(session)) - <<- [\(line)]")
    }

    private static func name(_ session: ClientSession) -> String {
        let address = session.connection.remoteAddress
        return "\(address.host):\(address.port) - cid:\(session.clientID)"
    }
}
