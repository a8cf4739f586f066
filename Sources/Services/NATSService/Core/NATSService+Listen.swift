import NATSProtocol
import Synchronization
public import Transport

/// How new connections of each port begin.
struct ListenerPlans {
    var client: ConnectionPlan
    var webSocket: ConnectionPlan

    init(_ options: NATSServerOptions) {
        client = ConnectionPlan(tls: options.tls)
        webSocket = ConnectionPlan()
        guard let listener = options.webSocket else { return }
        webSocket.tls = listener.tls
        webSocket.tls?.start = .first
        var settings = listener.settings
        // Source: nats-server, the limit of one WebSocket message.
        settings.maximumMessageByteCount = min(8 * options.maximumPayload, 64 << 20)
        webSocket.webSocket = settings
    }
}

extension NATSService {
    /// What a client that comes while too many others begin with TLS is told.
    public static let throttled = Array(
        "-ERR 'Connection throttling is active. Please try again later.'\r\n".utf8)

    /// Connections that come from now on begin with these certificates and times; the others keep
    /// what they have. Any thread.
    public func replaceTLS(client: TLSPlan?, webSocket: TLSPlan?) {
        plans.withLock { plans in
            if plans.client.tls != nil, let client { plans.client.tls = client }
            guard plans.webSocket.tls != nil, var webSocket else { return }
            webSocket.start = .first
            plans.webSocket.tls = webSocket
        }
    }

    /// Where WebSocket clients connect to, once started.
    public var webSocketPort: Int? { webSocketListener?.port }

    func listenForWebSockets() throws(TransportError) {
        guard let options = options.webSocket else { return }
        let listener = try Listener(host: options.host, port: options.port)
        webSocketListener = listener
        listener.start(on: loops[0]) { [unowned self] accepted in
            accept(accepted, as: plans.withLock { $0.webSocket })
        }
    }

    func setTLSFields() {
        guard let tls = options.tls else { return }
        info.tlsRequired = !tls.allowsPlain
        info.tlsAvailable = tls.allowsPlain
        info.tlsVerify = tls.context.settings.verifiesClients
    }

    /// What is the same in the INFO of each client that came by the same port.
    func info(for kind: ConnectionKind) -> ServerInfo {
        guard kind == .webSocket, let options = options.webSocket else { return info }
        var info = info
        info.host = options.host
        info.port = webSocketPort ?? options.port
        // Both, as nats-server says it.
        info.tlsRequired = options.tls != nil
        info.tlsAvailable = options.tls != nil
        info.tlsVerify = options.tls?.context.settings.verifiesClients ?? false
        return info
    }

    /// On loop 0.
    func accept(_ accepted: AcceptedSocket, as plan: ConnectionPlan) {
        let loop = loops[leastLoaded()]
        loop.post { [self] in
            loop.adopt(
                accepted, as: plan,
                abandoned: { [self] connection in
                    clientLog?.abandoned(connection)
                    loads.withLock { $0[loop.index] -= 1 }
                },
                { [self] connection in
                    let clientID = lastClientID.add(1, ordering: .relaxed).newValue
                    let session = ClientSession(connection, service: self, clientID: clientID)
                    begin(session, on: loop.index)
                    return session
                })
        }
    }
}
