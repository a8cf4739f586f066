import Glibc

extension Socket {
    /// The address at this end: the one that the peer connected to.
    public var localAddress: (host: String, port: Int) {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // The kernel writes at most `length` bytes of the local variable.
        let failed = withUnsafeMutablePointer(to: &address) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(descriptor, $0, &length)
            }
        }
        return failed == 0 ? Self.describe(&address, length) : ("", 0)
    }

    /// Whether `text` is an IP address, and nothing else.
    public static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        // The kernel's parser writes at most 16 bytes.
        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }
}
