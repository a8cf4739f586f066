import Bytes
import JSON
import NATSProtocol
import Testing

@Suite struct ConnectAndInfoTests {
    private func connect(_ text: String) -> ConnectOptions? {
        let bytes = Array(text.utf8)
        return try? ConnectOptions(parsing: bytes.span.bytes)
    }

    @Test func `an empty CONNECT gives a verbose and pedantic client that hears itself`() throws {
        let options = try #require(connect("{}"))
        #expect(options.verbose && options.pedantic && options.echo)
        #expect(!options.headers && !options.noResponders)
        #expect(options.clientProtocol == 0)
    }

    @Test func `what a client library sends is understood`() throws {
        let options = try #require(
            connect(
                """
                {"verbose":false,"pedantic":false,"tls_required":false,"name":"n","lang":"python3","version":"2.7",
                "protocol":1,"echo":false,"headers":true,"no_responders":true,"user":"u","pass":"p","future":[1]}
                """))
        #expect(!options.verbose && !options.pedantic && !options.echo)
        #expect(options.headers && options.noResponders)
        #expect(options.clientProtocol == 1)
        #expect([options.name, options.language, options.version] == ["n", "python3", "2.7"])
        #expect([options.user, options.password] == ["u", "p"])
    }

    @Test(arguments: [
        "", "{", "[]", "1", "{}x", "{\"verbose\":1}", "{\"name\":true}", "{\"protocol\":\"1\"}",
        "{\"protocol\":1.5}",
    ])
    func `JSON errors and wrong types are refused`(text: String) {
        #expect(connect(text) == nil)
    }

    @Test func `null keeps the default and names know no case`() throws {
        let options = try #require(connect("{\"verbose\":null,\"Echo\":false}"))
        #expect(options.verbose && !options.echo)
    }

    @Test func `INFO is one line of JSON with a space before its end`() throws {
        var info = ServerInfo()
        info.serverID = "N1"
        info.port = 4222
        info.clientID = 7
        let line = String(decoding: info.line, as: UTF8.self)
        #expect(line.hasPrefix("INFO {\"server_id\":\"N1\""))
        #expect(line.hasSuffix("} \r\n"))
        let json = try JSONValue.parse(String(line.dropFirst(5).dropLast(2)))
        #expect(json["client_id"]?.integer(Int.self) == 7)
        #expect(json["headers"]?.bool == true)
        #expect(json["max_payload"]?.integer(Int.self) == 1_048_576)
        #expect(json["jetstream"] == nil && json["connect_info"] == nil)
    }
}

@Suite struct HeaderBlockTests {
    private func text(_ block: String, _ name: String) -> String? {
        let bytes = Array(block.utf8)
        return HeaderBlock(bytes.span.bytes).text(name)
    }

    private func status(_ block: String) -> Int? {
        let bytes = Array(block.utf8)
        return HeaderBlock(bytes.span.bytes).status
    }

    @Test func `values are found by their exact name and without the spaces around them`() {
        let block = "NATS/1.0\r\nA:1\r\nb:  two words \r\nA: 2\r\nEmpty:\r\n\r\n"
        #expect(text(block, "A") == "1")
        #expect(text(block, "b") == "two words")
        #expect(text(block, "B") == nil)
        #expect(text(block, "Empty") == "")
    }

    @Test func `a status line is read`() {
        #expect(status("NATS/1.0 503\r\n\r\n") == 503)
        #expect(status("NATS/1.0 100 Idle Heartbeat\r\n\r\n") == 100)
        #expect(status("NATS/1.0\r\n\r\n") == nil)
        #expect(status("HTTP/1.1 200\r\n\r\n") == nil)
    }

    @Test(arguments: [
        "", "NATS/1.0", "NATS/1.0\r\n", "x", "NATS/1.0\r\nA", "NATS/1.0\r\n:\r\n\r\n", "\n\n\n",
    ])
    func `broken blocks have no headers`(block: String) {
        #expect(text(block, "A") == nil)
        #expect(text(block, "") == nil)
    }
}
