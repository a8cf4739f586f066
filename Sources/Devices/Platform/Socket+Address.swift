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
}
