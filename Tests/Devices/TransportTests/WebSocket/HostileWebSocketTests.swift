import Bytes
import Testing
import Transport

@Suite struct HostileWebSocketTests {
    @Test(arguments: [
        ([0x82, 0x01, 0x61], "mask bit missing"),
        ([0x83, 0x80, 0, 0, 0, 0], "unknown opcode 3"),
        ([0xA2, 0x80, 0, 0, 0, 0], "RSV2 and RSV3 must be clear"),
        ([0x80, 0x80, 0, 0, 0, 0], "invalid continuation frame"),
        ([0x09, 0x80, 0, 0, 0, 0], "control frame does not have final bit set"),
        ([0xC9, 0x80, 0, 0, 0, 0], "control frame should not be compressed"),
        ([0x89, 0xFE], "control frame length bigger than maximum allowed of 125 bytes"),
        ([0x88, 0x81, 0, 0, 0, 0, 3], "close frame payload cannot be 1 byte"),
        (
            [0xC2, 0x80, 0, 0, 0, 0],
            "compressed frame received without negotiated permessage-deflate"
        ),
        (
            [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0],
            "new message started before final frame for previous message was received"
        ),
        (
            [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "invalid websocket frame: MSB set in 64-bit payload length"
        ),
    ] as [([UInt8], String)])
    func `frames against the protocol end it with code 1002`(
        bytes: [UInt8], reason: String
    ) throws {
        let server = try WebSocketTests.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        client.plain.send(bytes)
        let close = try #require(client.frame())
        #expect(close.first == 0x88)
        #expect(close.payload.prefix(2) == [0x03, 0xEA])
        #expect(client.plain.sawEnd())
        #expect(server.firstEnd()?.failure == .webSocket(reason))
    }

    @Test func `a length that never comes costs nothing`() throws {
        let server = try WebSocketTests.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        client.plain.send([0x82, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7) + [0, 0, 0, 0])
        client.plain.send("still a stream\n")
        #expect(client.text() == "still a stream\n")
    }

    @Test func `what inflates to more than a message may have ends the connection`() throws {
        let server = try WebSocketTests.server { settings in
            settings.compresses = true
            settings.maximumMessageByteCount = 1 << 20
        }
        defer { server.stop() }
        let client = WebSocketClient(
            port: server.port, ["Sec-WebSocket-Extensions: permessage-deflate"])
        _ = client.frame()
        let bomb = WebSocketClient.deflated([UInt8](repeating: 97, count: 50_000_000))
        #expect(bomb.count < 60_000)
        client.plain.send(WebSocketClient.frame(0xC2, bomb))
        let close = try #require(client.frame())
        #expect(close.payload.prefix(2) == [0x03, 0xF1])
        #expect(server.firstEnd()?.failure == .webSocket("message too big"))
    }

    @Test func `a compressed message longer than allowed is refused before it comes`() throws {
        let server = try WebSocketTests.server { settings in
            settings.compresses = true
            settings.maximumMessageByteCount = 1 << 20
        }
        defer { server.stop() }
        let client = WebSocketClient(
            port: server.port, ["Sec-WebSocket-Extensions: permessage-deflate"])
        _ = client.frame()
        client.plain.send([0xC2, 0xFF, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0])
        let close = try #require(client.frame())
        #expect(close.payload.prefix(2) == [0x03, 0xF1])
    }

    @Test func `what is not deflate ends the connection with code 1007`() throws {
        let server = try WebSocketTests.server { $0.compresses = true }
        defer { server.stop() }
        let client = WebSocketClient(
            port: server.port, ["Sec-WebSocket-Extensions: permessage-deflate"])
        _ = client.frame()
        client.plain.send(WebSocketClient.frame(0xC2, [UInt8](repeating: 0xFF, count: 50)))
        let close = try #require(client.frame())
        #expect(close.payload.prefix(2) == [0x03, 0xEF])
    }

    @Test func `a request that is too long is refused`() throws {
        let server = try WebSocketTests.server()
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("GET / HTTP/1.1\r\nX: " + String(repeating: "x", count: 70_000))
        let answer = String(decoding: client.receive(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 431 "))
        #expect(server.firstEnd()?.failure == .upgrade("request header too large"))
    }

    @Test func `a request that comes too slowly is refused`() throws {
        let server = try WebSocketTests.server { $0.handshakeTimeoutNanoseconds = 200_000_000 }
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send("GET / HT")
        let answer = String(decoding: client.receive(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        #expect(server.firstEnd()?.failure == .upgrade("request not complete in time"))
    }

    @Test func `who sends before the answer is refused`() throws {
        let server = try WebSocketTests.server()
        defer { server.stop() }
        let client = Client(port: server.port)
        client.send(Array(WebSocketClient.request().utf8) + WebSocketClient.frame(0x82, [97, 10]))
        let answer = String(decoding: client.receive(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
    }

    @Test func `pings whose answers nobody reads are bounded by the limit for slow readers`() throws {
        let server = try WebSocketTests.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        server.connections[0].pendingLimit = 1 << 20
        let pings = Array(
            repeatElement(WebSocketClient.frame(0x89, [UInt8](repeating: 7, count: 125)), count: 1000)
                .joined())
        for _ in 0..<100 where !server.connections[0].isGone { client.plain.send(pings) }
        #expect(server.firstEnd()?.reason == .slowReader)
    }
}
