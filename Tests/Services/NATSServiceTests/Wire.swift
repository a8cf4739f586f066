import Glibc

/// A raw NATS connection that shares no code with the server.
final class Wire: @unchecked Sendable {
    private let descriptor: Int32
    private var held: [UInt8] = []
    /// The server's own PING comes two seconds after CONNECT; most tests don't want to see it.
    var showsPings = false
    /// What the server said first.
    private(set) var info = ""

    /// Connects, reads INFO and, unless told not to, says CONNECT and waits for PONG.
    init(port: Int, connect options: String? = "\"headers\":true,\"no_responders\":true") {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(result == 0, "connect: \(errno)")
        info = line() ?? ""
        if let options {
            send("CONNECT {\"verbose\":false,\"pedantic\":false,\(options)}\r\nPING\r\n")
            precondition(line() == "PONG")
        }
    }

    deinit { if isOpen { Glibc.close(descriptor) } }

    private var isOpen = true

    func close() {
        isOpen = false
        Glibc.close(descriptor)
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// The next line without its end; nil at the end of the stream or after five seconds of
    /// silence.
    func line() -> String? {
        while let next = anyLine() {
            if next != "PING" || showsPings { return next }
        }
        return nil
    }

    private func anyLine() -> String? {
        while true {
            if let end = held.firstIndex(of: 10) {
                let line = String(decoding: held[..<end], as: UTF8.self)
                held.removeSubrange(...end)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count <= 0 { return nil }
            held += bytes[..<count]
        }
    }

    /// The next bytes, whatever they are; fewer at the end of the stream.
    func bytes(_ count: Int) -> [UInt8] {
        while held.count < count {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let received = recv(descriptor, &bytes, bytes.count, 0)
            if received <= 0 { break }
            held += bytes[..<received]
        }
        defer { held.removeFirst(min(count, held.count)) }
        return Array(held.prefix(count))
    }

    func lines(_ count: Int) -> [String] { (0..<count).map { _ in line() ?? "nothing" } }

    /// Everything that was sent before this has been dealt with.
    func settle() {
        send("PING\r\n")
        precondition(line() == "PONG")
    }

    /// What has come when the server answers a PING.
    func linesUntilPong() -> [String] {
        send("PING\r\n")
        var all: [String] = []
        while let next = line(), next != "PONG" { all.append(next) }
        return all
    }
}
