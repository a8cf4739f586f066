import Bytes
import Synchronization
import Testing
import Transport

/// Sends everything back that ends in a line feed; keeps the rest.
final class EchoHandler: ConnectionHandler {
    var didEnd: (@Sendable (Connection.EndReason?) -> Void)?

    func received(_ bytes: RawSpan, on connection: Connection) -> Int {
        let copy = [UInt8](copying: bytes)
        guard let last = copy.lastIndex(of: 10) else { return 0 }
        connection.write(bytes.extracting(0..<last + 1))
        if copy[..<last].elementsEqual("bye".utf8) { connection.close(afterFlush: true) }
        return last + 1
    }

    func closed(_ connection: Connection) { didEnd?(connection.endReason) }
}

/// A group whose loops take turns with the connections of one port.
final class TestServer: Sendable {
    let group: EventLoopGroup
    let port: Int

    init(
        loopCount: Int = 2,
        _ makeHandler: @escaping @Sendable (Connection) -> any ConnectionHandler
    ) throws {
        let group = try EventLoopGroup(loopCount: loopCount)
        let listener = try Listener(host: "127.0.0.1", port: 0)
        listener.start(on: group.loops[0]) { accepted in
            let loop = group.loops[accepted.port % loopCount]
            loop.post { loop.adopt(accepted, makeHandler) }
        }
        group.start()
        self.group = group
        port = listener.port
    }

    func stop() { group.stop() }
}

@Suite struct TransportTests {
    @Test func `bytes come back, also in pieces`() throws {
        let server = try TestServer { _ in EchoHandler() }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("hel")
        client.send("lo\nwor")
        #expect(client.receive(6) == Array("hello\n".utf8))
        client.send("ld\n")
        #expect(client.receive(6) == Array("world\n".utf8))
    }

    @Test func `a message longer than any buffer arrives whole`() throws {
        let server = try TestServer { _ in EchoHandler() }
        defer { server.stop() }
        let client = Client(port: server.port)
        var long = [UInt8](repeating: 97, count: 3_000_000)
        for index in stride(from: 0, to: long.count, by: 997) {
            long[index] = UInt8(index % 23 + 97)
        }
        long[long.count - 1] = 10
        client.send(long)
        #expect(client.receive(long.count) == long)
    }

    @Test func `what was written before a close is sent before the end`() throws {
        let server = try TestServer { _ in EchoHandler() }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("bye\n")
        #expect(client.receive(4) == Array("bye\n".utf8))
        #expect(client.sawEnd())
    }

    @Test func `a port in use is refused with an error that names it`() throws {
        let first = try Listener(host: "127.0.0.1", port: 0)
        #expect(throws: TransportError.addressInUse(host: "127.0.0.1", port: first.port)) {
            _ = try Listener(host: "127.0.0.1", port: first.port)
        }
        first.close()
        let again = try Listener(host: "127.0.0.1", port: first.port)
        again.close()
    }

    @Test func `an address of another machine is refused`() {
        #expect(throws: TransportError.addressNotAvailable(host: "192.0.2.1", port: 0)) {
            _ = try Listener(host: "192.0.2.1", port: 0)
        }
    }

    @Test func `a peer that closes is noticed, with what it sent last`() throws {
        let ends = Mutex<[Connection.EndReason?]>([])
        let server = try TestServer { _ in
            let handler = EchoHandler()
            handler.didEnd = { reason in ends.withLock { $0.append(reason) } }
            return handler
        }
        let client = Client(port: server.port)
        client.send("last\n")
        client.finishSending()
        #expect(client.receive(5) == Array("last\n".utf8))
        #expect(client.sawEnd())
        server.stop()
        #expect(ends.withLock { $0 } == [.peerClosed])
    }

    @Test func `a reader that takes nothing is cut off when its limit is reached`() throws {
        /// Answers one byte with more than any socket takes.
        final class FloodHandler: ConnectionHandler {
            let end: @Sendable (Connection.EndReason?) -> Void
            init(_ end: @escaping @Sendable (Connection.EndReason?) -> Void) { self.end = end }
            func received(_ bytes: RawSpan, on connection: Connection) -> Int {
                connection.pendingLimit = 1 << 20
                for _ in 0..<64 { connection.write([UInt8](repeating: 1, count: 1 << 18)) }
                connection.write([1, 2, 3])
                return bytes.byteCount
            }
            func closed(_ connection: Connection) { end(connection.endReason) }
        }
        let ends = Mutex<[Connection.EndReason?]>([])
        let server = try TestServer { _ in FloodHandler { end in ends.withLock { $0.append(end) } }
        }
        let client = Client(port: server.port)
        client.send("x")
        var waited = 0
        while ends.withLock({ $0.isEmpty }), waited < 500 {
            pause(milliseconds: 10)
            waited += 1
        }
        #expect(ends.withLock { $0 } == [.slowReader])
        server.stop()
    }

    @Test func `a long array is sent in its place between short writes`() throws {
        final class OrderHandler: ConnectionHandler {
            func received(_ bytes: RawSpan, on connection: Connection) -> Int {
                connection.write([1])
                connection.write([UInt8](repeating: 2, count: 1_000_000))
                connection.write([3])
                return bytes.byteCount
            }
            func closed(_ connection: Connection) {}
        }
        let server = try TestServer { _ in OrderHandler() }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("x")
        #expect(client.receive(1_000_002) == [1] + [UInt8](repeating: 2, count: 1_000_000) + [3])
    }

    @Test func `a paused connection hands over what it kept when it resumes`() throws {
        final class PausingHandler: ConnectionHandler {
            var pausedOnce = false
            func received(_ bytes: RawSpan, on connection: Connection) -> Int {
                guard !pausedOnce else {
                    connection.write(bytes)
                    return bytes.byteCount
                }
                pausedOnce = true
                connection.pauseReading()
                connection.loop.schedule(afterNanoseconds: 20_000_000) {
                    connection.resumeReading()
                }
                return 1
            }
            func closed(_ connection: Connection) {}
        }
        let server = try TestServer { _ in PausingHandler() }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("abc")
        #expect(client.receive(2) == Array("bc".utf8))
        client.send("d")
        #expect(client.receive(1) == Array("d".utf8))
    }

    @Test func `bytes written by another loop arrive whole`() throws {
        let connections = Mutex<[Connection]>([])
        let server = try TestServer(loopCount: 2) { connection in
            connections.withLock { $0.append(connection) }
            return EchoHandler()
        }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("ready\n")
        #expect(client.receive(6) == Array("ready\n".utf8))
        let connection = connections.withLock { $0[0] }
        for loop in server.group.loops {
            for _ in 0..<100 {
                loop.post {
                    connection.write(
                        [UInt8](repeating: UInt8(loop.index), count: 10).span.bytes, from: loop)
                }
            }
        }
        let bytes = client.receive(2000)
        #expect(bytes.count == 2000)
        for start in stride(from: 0, to: bytes.count, by: 10) {
            #expect(Set(bytes[start..<start + 10]).count == 1)
        }
    }

    @Test func `timers run in order of time, and not once cancelled`() throws {
        let group = try EventLoopGroup(loopCount: 1)
        let order = Mutex<[Int]>([])
        let loop = group.loops[0]
        loop.post {
            loop.schedule(afterNanoseconds: 30_000_000) { order.withLock { $0.append(3) } }
            loop.schedule(afterNanoseconds: 10_000_000) { order.withLock { $0.append(1) } }
            let cancelled = loop.schedule(afterNanoseconds: 20_000_000) {
                order.withLock { $0.append(2) }
            }
            loop.cancel(cancelled)
        }
        group.start()
        var waited = 0
        while order.withLock({ $0.count }) < 2, waited < 500 {
            pause(milliseconds: 10)
            waited += 1
        }
        group.stop()
        #expect(order.withLock { $0 } == [1, 3])
    }
}
