import CPlatform
import Glibc

/// A system call on a socket that failed.
public struct SocketError: Error, Equatable, Sendable, CustomStringConvertible {
    public let operation: String
    public let errno: Int32

    public init(_ operation: String, _ errno: Int32) {
        self.operation = operation
        self.errno = errno
    }

    public var description: String { "\(operation): \(String(cString: strerror(errno)))" }
}

/// A TCP socket, non-blocking. The system calls on it, and nothing else: who owns it closes it.
public struct Socket: Equatable, Sendable {
    public let descriptor: Int32

    public init(descriptor: Int32) { self.descriptor = descriptor }

    public enum Accepted: Sendable {
        case connection(Socket, host: String, port: Int)
        /// Nobody is waiting.
        case none
        /// The peer went away before it was accepted; there may be others.
        case aborted
        /// The process or the machine is out of descriptors or memory: try again later.
        case exhausted(SocketError)
    }

    public func accept() -> Accepted {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = duolog_accept(descriptor, &address, &length)
        guard result >= 0 else {
            switch -result {
            case EAGAIN: return .none
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(SocketError("accept", -result))
            default: return .aborted
            }
        }
        let socket = Socket(descriptor: result)
        socket.setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        // Peers that vanish without a word are found out by the kernel too.
        socket.setOption(SOL_SOCKET, SO_KEEPALIVE, 1)
        socket.setOption(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 15)
        socket.setOption(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        let (host, port) = Self.describe(&address, length)
        return .connection(socket, host: host, port: port)
    }

    /// How many bytes came, 0 at the end of the stream, or -errno.
    public func read(into memory: UnsafeMutableRawPointer, capacity: Int) -> Int {
        while true {
            let count = Glibc.recv(descriptor, memory, capacity, 0)
            if count >= 0 { return count }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// How many bytes the kernel took, or -errno.
    public func send(_ memory: UnsafeRawPointer, count: Int) -> Int {
        while true {
            let sent = Glibc.send(descriptor, memory, count, Int32(MSG_NOSIGNAL))
            if sent >= 0 { return sent }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// How many bytes of all pieces together the kernel took, or -errno.
    ///
    /// - Parameter moreFollows: at once, so that no small segment goes out before it.
    public func send(
        _ pieces: UnsafeMutablePointer<iovec>, pieceCount: Int, moreFollows: Bool = false
    ) -> Int {
        var message = msghdr()
        message.msg_iov = pieces
        message.msg_iovlen = pieceCount
        let flags = Int32(MSG_NOSIGNAL) | (moreFollows ? Int32(MSG_MORE) : 0)
        while true {
            let sent = Glibc.sendmsg(descriptor, &message, flags)
            if sent >= 0 { return sent }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// How many bytes of a file the kernel took, from `offset` on, or -errno; 0 where the file ends.
    public func send(file: Int32, offset: Int, count: Int) -> Int {
        var position = off_t(offset)
        while true {
            let sent = Glibc.sendfile(descriptor, file, &position, count)
            if sent >= 0 { return sent }
            if errno != EINTR { return -Int(errno) }
        }
    }

    /// No more is sent: the peer sees the end of the stream behind what was sent before.
    public func shutdownSending() { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// Nothing is sent or received any more; the descriptor stays taken until ``close()``.
    public func shutdownBoth() { _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR)) }

    public func close() { _ = Glibc.close(descriptor) }

    func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    static func describe(
        _ address: inout sockaddr_storage, _ length: socklen_t
    ) -> (host: String, port: Int) {
        var host = [CChar](repeating: 0, count: 1025)
        var service = [CChar](repeating: 0, count: 32)
        let failed = withUnsafePointer(to: &address) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo(
                    $0, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
                    NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        guard failed == 0 else { return ("", 0) }
        var name = text(host)
        if name.hasPrefix("::ffff:"), name.contains(".") { name.removeFirst(7) }
        return (name, Int(text(service)) ?? 0)
    }

    private static func text(_ terminated: [CChar]) -> String {
        String(
            decoding: terminated.prefix { $0 != 0 }.lazy.map { UInt8(bitPattern: $0) },
            as: UTF8.self)
    }
}
