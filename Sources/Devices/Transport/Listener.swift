public import Platform

/// A connection that was accepted and has no loop yet.
public struct AcceptedSocket: Sendable {
    public let socket: Socket
    public let host: String
    public let port: Int

    /// - Parameter socket: non-blocking; the loop that adopts it closes it.
    public init(socket: Socket, host: String, port: Int) {
        self.socket = socket
        self.host = host
        self.port = port
    }
}

/// An open port. Each connection that comes in is given to the `accepted` closure, which chooses
/// its loop.
public final class Listener: @unchecked Sendable {
    public let host: String
    /// The real one, where 0 asked for any.
    public let port: Int

    private let socket: Socket
    private var loop: EventLoop?
    private var accepted: ((AcceptedSocket) -> Void)?
    private var isOpen = true

    /// How many connections one turn takes in.
    private static let acceptLimit = 64
    /// How long no one is accepted after the process ran out of descriptors.
    private static let exhaustedNanoseconds: Int64 = 100_000_000

    public init(host: String, port: Int) throws(TransportError) {
        do throws(SocketError) {
            (socket, self.port) = try Socket.listen(host: host, port: port)
        } catch {
            throw TransportError(error, host: host, port: port)
        }
        self.host = host
    }

    /// Begins to accept on `loop`, from any thread. `accepted` runs on that loop. Until then peers
    /// wait in the kernel's queue.
    public func start(on loop: EventLoop, _ accepted: @escaping @Sendable (AcceptedSocket) -> Void)
    {
        loop.post { [self] in
            self.loop = loop
            self.accepted = accepted
            loop.listeners.append(self)
            if isOpen { watch() }
        }
    }

    /// On the loop, or before ``start(on:_:)``.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        loop?.poller.remove(socket)
        socket.close()
    }

    private func watch() {
        guard let loop, isOpen else { return }
        if (try? loop.poller.addListener(socket, data: PollTag.of(self))) == nil { retryLater() }
    }

    private func retryLater() {
        loop?.schedule(afterNanoseconds: Self.exhaustedNanoseconds) { [self] in watch() }
    }

    func acceptAll() {
        guard isOpen else { return }
        for _ in 0..<Self.acceptLimit {
            switch socket.accept() {
            case .connection(let socket, let host, let port):
                accepted?(AcceptedSocket(socket: socket, host: host, port: port))
            case .aborted: continue
            case .none: return
            case .exhausted:
                // Level triggered polling would spin; those who wait stay in the kernel's queue.
                loop?.poller.remove(socket)
                retryLater()
                return
            }
        }
    }
}
