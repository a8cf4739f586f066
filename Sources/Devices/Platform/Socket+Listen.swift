import Glibc

extension Socket {
    /// Binds and listens. `port` 0 takes a free one. An unspecified host (`0.0.0.0`, `::` or empty)
    /// takes IPv4 and IPv6 where the machine has both.
    public static func listen(
        host: String, port: Int
    ) throws(SocketError) -> (socket: Socket, port: Int) {
        if host.isEmpty || host == "0.0.0.0" || host == "::" {
            do throws(SocketError) {
                return try listen(addressOf: "::", port: port, dualStack: true)
            } catch {
                // Machines without IPv6.
                guard error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL else {
                    throw error
                }
                return try listen(addressOf: "0.0.0.0", port: port, dualStack: false)
            }
        }
        return try listen(addressOf: host, port: port, dualStack: false)
    }

    private static func listen(
        addressOf host: String, port: Int, dualStack: Bool
    ) throws(SocketError) -> (socket: Socket, port: Int) {
        guard (0...65535).contains(port) else { throw SocketError("bind", EINVAL) }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let first = found else {
            throw SocketError("getaddrinfo", EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(first.pointee.ai_family, kind, 0)
        guard descriptor >= 0 else { throw SocketError("socket", errno) }
        let socket = Socket(descriptor: descriptor)
        socket.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        if first.pointee.ai_family == AF_INET6 {
            socket.setOption(Int32(IPPROTO_IPV6), IPV6_V6ONLY, dualStack ? 0 : 1)
        }
        guard Glibc.bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            return try socket.fail("bind")
        }
        guard Glibc.listen(descriptor, 4096) == 0 else { return try socket.fail("listen") }
        var bound = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &bound) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return (socket, describe(&bound, length).port)
    }

    private func fail<T>(_ operation: String) throws(SocketError) -> T {
        let error = SocketError(operation, errno)
        close()
        throw error
    }
}
