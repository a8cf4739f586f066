import Bytes
import Testing
import Transport

/// Sections are those of RFC 6455, where no other is named.
@Suite struct WebSocketTests {
    static func server(
        _ change: (inout WebSocketSettings) -> Void = { _ in }
    ) throws -> FilteredServer {
        var settings = WebSocketSettings()
        change(&settings)
        return try FilteredServer(ConnectionPlan(webSocket: settings))
    }

    @Test func `the answer proves that the server knows the protocol (1.3)`() throws {
        let server = try Self.server { $0.headers = [("X-Extra", "yes")] }
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        #expect(client.answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(client.answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
        #expect(client.answer.contains("X-Extra: yes\r\n"))
        #expect(client.frame().map { $0.first } == 0x82)
        #expect(server.connections[0].kind == .webSocket)
    }

    @Test func `what comes in frames of any size is one stream (5.4)`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        #expect(client.text() == "hello\n")
        client.send("one ")
        client.plain.send(WebSocketClient.frame(0x02, Array("tw".utf8)))
        client.plain.send(WebSocketClient.frame(0x00, []))
        client.plain.send(WebSocketClient.frame(0x80, Array("o\n".utf8)))
        #expect(client.text() == "one two\n")
        for byte in WebSocketClient.frame(0x81, Array("slowly\n".utf8)) { client.plain.send([byte]) }
        #expect(client.text() == "slowly\n")
    }

    @Test func `a message longer than any buffer arrives whole both ways`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        var long = (0..<2_000_000).map { UInt8($0 * 7 % 101 + 97 & 127) | 64 }
        long[long.count - 1] = 10
        client.plain.send(WebSocketClient.frame(0x82, long))
        var got: [UInt8] = []
        while got.count < long.count, let frame = client.frame() { got += frame.payload }
        #expect(got == long)
    }

    @Test func `a ping is answered with its payload, also inside a message (5.5.2)`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        client.plain.send(WebSocketClient.frame(0x02, Array("a".utf8)))
        client.plain.send(WebSocketClient.frame(0x89, Array("ping".utf8)))
        client.plain.send(WebSocketClient.frame(0x80, Array("b\n".utf8)))
        let pong = try #require(client.frame())
        #expect(pong.first == 0x8A)
        #expect(pong.payload == Array("ping".utf8))
        #expect(client.text() == "ab\n")
    }

    @Test func `a close is answered with its code and is the end (5.5.1)`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        client.plain.send(WebSocketClient.frame(0x88, [0x03, 0xE9]))
        let close = try #require(client.frame())
        #expect(close.first == 0x88)
        #expect(close.payload == [0x03, 0xE9])
        #expect(client.plain.sawEnd())
        #expect(server.firstEnd()?.reason == .peerClosed)
    }

    @Test func `the server's own end is told with a code (7.1.5)`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port)
        _ = client.frame()
        server.connections[0].goodbye = WebSocketClose(.policyViolation, "No more of this")
        client.send("bye\n")
        #expect(client.text() == "bye\n")
        let close = try #require(client.frame())
        #expect(close.first == 0x88)
        #expect(close.payload == [0x03, 0xF0] + Array("No more of this".utf8))
        #expect(client.plain.sawEnd())
    }

    @Test func `messages to browsers come in small frames`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port, ["User-Agent: Mozilla/5.0 (X11)"])
        _ = client.frame()
        client.send(String(repeating: "x", count: 9_999) + "\n")
        let frames = [client.frame(), client.frame(), client.frame()].compactMap(\.self)
        #expect(frames.map(\.first) == [0x02, 0x00, 0x80])
        #expect(frames.map(\.payload.count) == [4096, 4096, 10_000 - 8192])
    }

    // MARK: Compression, RFC 7692

    private static let offer = ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]

    @Test func `compression is agreed on without context on either side`() throws {
        let server = try Self.server { $0.compresses = true }
        defer { server.stop() }
        let client = WebSocketClient(port: server.port, Self.offer)
        #expect(
            client.answer.contains(
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
            ))
        // What is short stays as it is.
        #expect(client.frame().map { $0.first } == 0x82)
        let line = Array((String(repeating: "compress me ", count: 100) + "\n").utf8)
        let packed = WebSocketClient.deflated(line)
        client.plain.send(WebSocketClient.frame(0x42, Array(packed[..<10])))
        client.plain.send(WebSocketClient.frame(0x80, Array(packed[10...])))
        let answer = try #require(client.frame())
        #expect(answer.first == 0xC2)
        #expect(answer.payload.count < 100)
        #expect(WebSocketClient.inflated(answer.payload) == line)
    }

    @Test func `a message may inflate to more than any buffer`() throws {
        let server = try Self.server { $0.compresses = true }
        defer { server.stop() }
        let client = WebSocketClient(port: server.port, Self.offer)
        _ = client.frame()
        var long = [UInt8](repeating: 97, count: 1_000_000)
        long[long.count - 1] = 10
        client.plain.send(WebSocketClient.frame(0xC2, WebSocketClient.deflated(long)))
        var got = 0
        while got < long.count, let frame = client.frame() {
            got += WebSocketClient.inflated(frame.payload).count
        }
        #expect(got == long.count)
    }

    @Test func `compression is not agreed on where it is not wanted`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port, Self.offer)
        #expect(!client.answer.contains("permessage-deflate"))
    }

    // MARK: The request

    @Test func `credentials come in cookies, and a proxy names the client`() throws {
        let server = try Self.server {
            $0.cookies = WebSocketCookies(jwt: "j", user: "u", password: "p", token: "t")
        }
        defer { server.stop() }
        let client = WebSocketClient(
            port: server.port,
            ["Cookie: other=1; u=bob; p=\"secret word\"", "cookie: t=tok==", "X-Forwarded-For: 192.0.2.7"])
        _ = client.frame()
        let connection = server.connections[0]
        #expect(
            connection.webSocketRequest?.cookies
                == WebSocketCookies(user: "bob", password: "secret word", token: "tok=="))
        #expect(connection.webSocketRequest?.forwardedFor == "192.0.2.7")
        #expect(connection.remoteAddress.host == "127.0.0.1")
    }

    @Test func `a proxy that names no address is not believed`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port, ["X-Forwarded-For: 192.0.2.7, 10.0.0.1"])
        _ = client.frame()
        #expect(server.connections[0].webSocketRequest?.forwardedFor == nil)
    }

    @Test func `who agrees to send no masks need not mask`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = WebSocketClient(port: server.port, ["Nats-No-Masking: true"])
        #expect(client.answer.contains("Nats-No-Masking: true\r\n"))
        _ = client.frame()
        client.plain.send(WebSocketClient.frame(0x82, Array("bare\n".utf8), mask: nil))
        #expect(client.text() == "bare\n")
    }

    @Test(arguments: [
        ("POST / HTTP/1.1", "405", "request method must be GET"),
        ("GET /mqtt HTTP/1.1", "404", "mqtt websocket endpoint not enabled"),
        ("GET /leafnode HTTP/1.1", "404", "leafnode websocket endpoint not enabled"),
        ("GET / SPDY/3", "400", "malformed request"),
        ("\u{16}\u{3}\u{1}", "400", "malformed request"),
    ])
    func `a request for something else is refused`(
        line: String, status: String, reason: String
    ) throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = Client(port: server.port)
        let request = WebSocketClient.request().split(separator: "\r\n").dropFirst()
        client.send(([line[...]] + request).joined(separator: "\r\n") + "\r\n\r\n")
        let answer = String(decoding: client.receive(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(server.firstEnd()?.failure == .upgrade(reason))
        #expect(server.firstEnd()?.hadHandler == false)
    }

    @Test(arguments: [
        ("Host: ", "'Host' missing in request"),
        ("Upgrade: ", "invalid value for header 'Upgrade'"),
        ("Connection: ", "invalid value for header 'Connection'"),
        ("Sec-WebSocket-Key: ", "key missing"), ("Sec-WebSocket-Version: ", "invalid version"),
    ])
    func `a request without what belongs to it is refused (4.2.1)`(
        missing: String, reason: String
    ) throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = Client(port: server.port)
        let lines = WebSocketClient.request().split(separator: "\r\n").filter {
            !$0.hasPrefix(missing)
        }
        client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        let answer = String(decoding: client.receive(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(server.firstEnd()?.failure == .upgrade(reason))
    }

    @Test func `a key that is not 16 bytes in base64 is refused (4.2.1)`() throws {
        let server = try Self.server()
        defer { server.stop() }
        let client = Client(port: server.port)
        let lines = WebSocketClient.request().split(separator: "\r\n").map {
            $0.hasPrefix("Sec-WebSocket-Key: ") ? "Sec-WebSocket-Key: A" : $0
        }
        client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        let answer = String(decoding: client.receive(1000), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(server.firstEnd()?.failure == .upgrade("invalid value for header 'Sec-Websocket-Key'"))
    }

    @Test func `pages of other hosts are refused where only the own are allowed`() throws {
        for (origin, isAllowed) in [
            ("http://localhost", true), ("http://LOCALHOST:80", true), ("http://localhost:81", false),
            ("http://evil.example", false), ("https://localhost", false), ("nonsense", false),
        ] {
            let server = try Self.server { $0.requiresSameOrigin = true }
            let client = WebSocketClient(port: server.port, ["Origin: \(origin)"])
            #expect(client.answer.contains(" 101 ") == isAllowed, "\(origin)")
            #expect(client.answer.contains(" 403 ") != isAllowed, "\(origin)")
            server.stop()
        }
    }

    @Test func `only listed origins are let in where there is a list`() throws {
        for (origin, isAllowed) in [
            ("https://app.example", true), ("https://app.example:443", true),
            ("http://app.example", false), ("https://app.example:8443", false), (nil, true),
        ] as [(String?, Bool)] {
            let server = try Self.server {
                $0.allowedOrigins = [WebSocketOrigin("https://App.example")!]
            }
            let client = WebSocketClient(port: server.port, origin.map { ["Origin: \($0)"] } ?? [])
            #expect(client.answer.contains(" 101 ") == isAllowed, "\(origin ?? "no origin")")
            server.stop()
        }
    }

    @Test func `WebSocket goes over TLS, which the client begins with`() throws {
        var plan = try TLSTests.plan(.first)
        plan.webSocket = WebSocketSettings()
        let server = try FilteredServer(plan)
        defer { server.stop() }
        let client = try #require(TLSClient(Client(port: server.port)))
        client.send(WebSocketClient.request())
        let head = client.receive(129)
        #expect(String(decoding: head, as: UTF8.self).hasSuffix("xOo=\r\n\r\n"))
        #expect(client.receive(8) == [0x82, 6] + Array("hello\n".utf8))
        client.send(WebSocketClient.frame(0x82, Array("secret\n".utf8)))
        #expect(client.receive(9) == [0x82, 7] + Array("secret\n".utf8))
        #expect(server.connections[0].tlsIdentity?.version == "1.3")
    }
}
