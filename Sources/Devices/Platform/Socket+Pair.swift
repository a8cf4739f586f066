import Glibc

extension Socket {
    /// Two sockets of this machine that are connected to each other, both non-blocking.
    public static func pair() throws(SocketError) -> (Socket, Socket) {
        var descriptors: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &descriptors) == 0 else {
            throw SocketError("socketpair", errno)
        }
        return (Socket(descriptor: descriptors[0]), Socket(descriptor: descriptors[1]))
    }
}
