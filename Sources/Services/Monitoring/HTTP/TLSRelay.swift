import Bytes
import Platform
public import Transport

/// An HTTPS port in front of a ``MonitoringServer``, which has a transport of its own: takes TLS off
/// each connection and passes on what is inside, through a pair of sockets.
public final class TLSRelay: @unchecked Sendable {
    private let listener: Listener
    private let loop: EventLoop

    public var port: Int { listener.port }

    /// Opens the port. Connections live on `loop`.
    public init(
        host: String, port: Int, tls: TLSPlan, on loop: EventLoop, to server: MonitoringServer
    ) throws(TransportError) {
        listener = try Listener(host: host, port: port)
        self.loop = loop
        var plan = ConnectionPlan(tls: tls)
        plan.tls?.start = .first
        listener.start(on: loop) { [plan] accepted in
            loop.adopt(accepted, as: plan) { connection in RelayEnd(connection, to: server) }
        }
    }

    public func stop() { loop.post { [listener] in listener.close() } }
}

/// One end of a relayed connection: what it receives is written to the other end.
private final class RelayEnd: ConnectionHandler {
    private let connection: Connection
    /// Nil until the client has sent something, so that strangers who send nothing cost nothing more.
    private var other: Connection?
    private let server: MonitoringServer?

    /// The client's end.
    init(_ connection: Connection, to server: MonitoringServer) {
        self.connection = connection
        self.server = server
    }

    /// The server's end.
    init(_ connection: Connection, to other: Connection) {
        self.connection = connection
        self.other = other
        server = nil
    }

    func received(_ bytes: RawSpan, on connection: Connection) -> Int {
        if other == nil { connect() }
        guard let other else {
            connection.close(afterFlush: false)
            return bytes.byteCount
        }
        other.write(bytes)
        return bytes.byteCount
    }

    func closed(_ connection: Connection) {
        other?.close(afterFlush: true)
        other = nil
    }

    private func connect() {
        guard let server, let (near, far) = try? Socket.pair() else { return }
        let client = connection
        client.loop.adopt(AcceptedSocket(socket: near, host: "", port: 0)) { [self] connection in
            other = connection
            return RelayEnd(connection, to: client)
        }
        if other == nil { far.close() } else { server.adopt(far) }
    }
}
