import Bytes
import Testing
import Transport

/// Peers that mean harm, or know no better.
@Suite struct HostileTLSTests {
    @Test(arguments: [TLSPlan.Start.afterGreeting, .first])
    func `a handshake that never ends is ended`(start: TLSPlan.Start) throws {
        var plan = try TLSTests.plan(start)
        plan.tls!.timeoutNanoseconds = 200_000_000
        let server = try FilteredServer(plan)
        defer { server.stop() }
        let client = Client(port: server.port)
        if start == .afterGreeting { #expect(client.receive(6) == Array("hello\n".utf8)) }
        // A record that claims to be longer than what comes.
        client.send([0x16, 3, 1, 2, 0, 1])
        #expect(client.receive(1).isEmpty)
        #expect(server.firstEnd()?.failure == .handshakeTimeout)
        #expect(server.firstEnd()?.reason == .handshakeFailed)
    }

    @Test func `a handshake of one byte at a time has no more time than any other`() throws {
        var plan = try TLSTests.plan(.first)
        plan.tls!.timeoutNanoseconds = 300_000_000
        let server = try FilteredServer(plan)
        defer { server.stop() }
        let client = Client(port: server.port)
        var sent = 0
        for byte in [0x16, 3, 1, 2, 0] + [UInt8](repeating: 1, count: 200) {
            if server.connections.first?.isGone == true { break }
            client.send([byte])
            sent += 1
            pause(milliseconds: 20)
        }
        #expect(5...60 ~= sent)
        #expect(server.firstEnd()?.failure == .handshakeTimeout)
    }

    @Test func `what is not TLS is refused`() throws {
        let server = try FilteredServer(try TLSTests.plan())
        defer { server.stop() }
        let client = Client(port: server.port)
        _ = client.receive(6)
        client.send("CONNECT {}\r\nPING\r\n")
        let answer = client.receive(100)
        // At most an alert; in any case nothing of the protocol.
        #expect(answer.isEmpty || answer[0] == 0x15)
        #expect(server.firstEnd()?.failure == .notTLS)
    }

    @Test func `garbage behind a good handshake ends the connection`() throws {
        let server = try FilteredServer(try TLSTests.plan(.first))
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        _ = client.receive(6)
        client.plain.send([0x17, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32))
        #expect(client.receive(1).isEmpty)
        guard case .tls = server.firstEnd()?.failure else {
            Issue.record("no failure of TLS")
            return
        }
    }

    @Test func `a peer that goes away without a word is noticed`() throws {
        let server = try FilteredServer(try TLSTests.plan(.first))
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        _ = client.receive(6)
        client.plain.finishSending()
        #expect(client.sawEnd())
        #expect(server.firstEnd()?.reason == .peerClosed)
    }

    @Test func `a peer that goes away in the middle of a handshake is noticed`() throws {
        let server = try FilteredServer(try TLSTests.plan())
        defer { server.stop() }
        let client = Client(port: server.port)
        _ = client.receive(6)
        client.send([0x16, 3, 1])
        client.close()
        #expect(server.firstEnd()?.failure == .handshake("EOF"))
    }

    @Test func `a reader that takes nothing is cut off when its limit is reached`() throws {
        let server = try FilteredServer(try TLSTests.plan(.first))
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        _ = client.receive(6)
        let connection = server.connections[0]
        connection.pendingLimit = 1 << 20
        client.send("flood\n")
        #expect(server.firstEnd()?.reason == .slowReader)
    }

    @Test func `a reader that takes nothing is cut off when its time is up`() throws {
        let server = try FilteredServer(try TLSTests.plan(.first))
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        _ = client.receive(6)
        let connection = server.connections[0]
        connection.loop.post { connection.writeTimeoutNanoseconds = 500_000_000 }
        client.send("flood\n")
        #expect(server.firstEnd()?.reason == .writeTimeout)
    }

    @Test func `a slow reader gets everything in the end`() throws {
        let server = try FilteredServer(try TLSTests.plan(.first))
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        _ = client.receive(6)
        client.send("flood\n")
        pause(milliseconds: 300)
        #expect(server.connections[0].pendingByteCount > 1 << 20)
        let bytes = client.receive((64 << 18) + 3)
        #expect(bytes.count == (64 << 18) + 3)
        #expect(bytes.suffix(3) == [1, 2, 3])
        for _ in 0..<200 where server.connections[0].pendingByteCount > 0 {
            pause(milliseconds: 5)
        }
        #expect(server.connections[0].pendingByteCount == 0)
    }

    @Test func `more handshakes than may begin in a second are told so`() throws {
        var plan = try TLSTests.plan()
        plan.tls!.limit = HandshakeLimit(perSecond: 2, lastWords: Array("later\n".utf8))
        let server = try FilteredServer(plan)
        defer { server.stop() }
        var refusals = 0
        for _ in 0..<5 {
            let client = Client(port: server.port)
            _ = client.receive(6)
            if TLSClient(client) == nil { refusals += 1 }
        }
        #expect(3...4 ~= refusals)
        #expect(server.failures == Array(repeating: .tooManyHandshakes, count: refusals))
    }

    @Test func `a flood of connections that come and go leaves nothing behind`() throws {
        let server = try FilteredServer(try TLSTests.plan(.first))
        defer { server.stop() }
        for round in 0..<150 {
            let client = Client(port: server.port)
            if round % 3 == 0 { client.send([0x16, 3, 1]) }
            if round % 3 == 1 { _ = TLSClient(client) }
            client.close()
        }
        let last = try #require(TLSClient(Client(port: server.port)))
        #expect(last.receive(6) == Array("hello\n".utf8))
        let loop = server.group.loops[0]
        for _ in 0..<200 where loop.connectionCount > 1 { pause(milliseconds: 10) }
        #expect(loop.connectionCount == 1)
    }
}
