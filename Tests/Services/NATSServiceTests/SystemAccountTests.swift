import JSON
import NATSService
import ServerConfig
import Synchronization
import Testing

/// The server's own services and events. Everybody is in the system account here, but where a test
/// says something else.
@Suite struct SystemAccountTests {
    /// Answers each report with its name and options.
    private final class EchoReports: ServerReporting {
        func report(
            _ name: String, options: [UInt8],
            _ answer: @escaping @Sendable (Result<[UInt8], ServerReportRefusal>) -> Void
        ) {
            let asked = options.isEmpty ? "{}" : String(decoding: options, as: UTF8.self)
            if asked.contains("\"bad\"") {
                return answer(.failure(ServerReportRefusal(status: 400, text: "bad option")))
            }
            let body =
                switch name {
                case "VARZ": "{\"cpu\":1.5,\"connections\":3,\"in_msgs\":7,\"in_bytes\":70}"
                case "ACCSTATZ": "{\"account_statz\":[{\"acc\":\"$G\",\"conns\":1}]}"
                case "ACCOUNTZ": "{\"account_detail\":{\"account_name\":\"$G\"}}"
                default: "{\"report\":\"\(name)\",\"options\":\(asked)}"
                }
            answer(.success(Array(body.utf8)))
        }
    }

    private let reports = EchoReports()

    private func server(systemAccount: String = "$G") throws -> TestServer {
        let server = try TestServer {
            $0.systemAccount = systemAccount
            $0.serverName = "one"
            $0.serverID = "NID"
            $0.tags = ["East"]
        }
        server.service.reports = reports
        return server
    }

    /// The answer to a request, without what tells which server it comes from.
    private func ask(_ client: Wire, _ subject: String, _ body: String = "") throws -> String {
        client.send("SUB inbox 9\r\nUNSUB 9 1\r\nPUB \(subject) inbox \(body.utf8.count)\r\n\(body)\r\n")
        guard let line = client.line() else { return "nothing" }
        if line.hasPrefix("HMSG") {
            let status = client.line() ?? ""
            _ = client.lines(3)
            return status
        }
        let text = client.line() ?? ""
        let json = try JSONValue.parse(Array(text.utf8).span.bytes)
        guard json["server"]?["id"] == .string("NID") else { return text }
        let rest = (json.object ?? []).filter { $0.name != "server" }
        var writer = JSONWriter()
        writer.value(.object(rest))
        return writer.text
    }

    @Test func `reports are asked of all servers or of this one`() throws {
        let server = try server()
        defer { server.stop() }
        let client = server.wire()
        #expect(
            try ask(client, "$SYS.REQ.SERVER.PING.CONNZ", "{\"limit\":1}")
                == "{\"data\":{\"report\":\"CONNZ\",\"options\":{\"limit\":1}}}")
        #expect(
            try ask(client, "$SYS.REQ.SERVER.NID.SUBSZ")
                == "{\"data\":{\"report\":\"SUBSZ\",\"options\":{}}}")
        #expect(try ask(client, "$SYS.REQ.SERVER.OTHER.SUBSZ") == "NATS/1.0 503")
        #expect(try ask(client, "$SYS.REQ.SERVER.PING.NOTHINGZ") == "NATS/1.0 503")
        #expect(
            try ask(client, "$SYS.REQ.SERVER.PING.IDZ")
                == "{\"name\":\"one\",\"host\":\"127.0.0.1\",\"id\":\"NID\"}")
        #expect(try ask(client, "$SYS.REQ.SERVER.PING").hasPrefix("{\"statsz\":{\"cpu\":1.5,"))
        #expect(
            try ask(client, "$SYS.REQ.SERVER.PING.CONNZ", "{\"sort\":\"bad\"}")
                == "{\"data\":null,\"error\":{\"code\":500,\"description\":\"bad option\"}}")
        #expect(try ask(client, "$SYS.REQ.SERVER.PING.CONNZ", "{bad").hasPrefix("{\"error\":{\"code\":400"))
    }

    @Test(arguments: [
        ("{\"server_name\":\"on\"}", true), ("{\"server_name\":\"on\",\"exact_match\":true}", false),
        ("{\"server_name\":\"one\",\"exact_match\":true}", true), ("{\"host\":\"127.\"}", true),
        ("{\"cluster\":\"c\"}", false), ("{\"tags\":[\"east\"]}", true),
        ("{\"tags\":[\"east\",\"west\"]}", false), ("{\"domain\":\"d\"}", false),
    ])
    func `a request to all servers may choose some`(filter: String, isMeant: Bool) throws {
        let server = try server()
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB inbox 1\r\nPUB $SYS.REQ.SERVER.PING.CONNZ inbox \(filter.utf8.count)\r\n\(filter)\r\n")
        // Answers come in order.
        client.send("PUB $SYS.REQ.SERVER.PING.IDZ inbox 0\r\n\r\n")
        _ = client.line()
        let first = client.line()
        #expect(first?.contains("\"report\":\"CONNZ\"") == isMeant)
    }

    @Test func `accounts are asked about, and learn about themselves`() throws {
        let server = try server(systemAccount: "SYS")
        defer { server.stop() }
        let client = server.wire()
        #expect(
            try ask(client, "$SYS.REQ.ACCOUNT.PING.CONNZ")
                == "{\"data\":{\"report\":\"CONNZ\",\"options\":{\"acc\":\"$G\"}}}")
        #expect(
            try ask(client, "$SYS.REQ.SERVER.PING.CONNZ", "{\"acc\":\"OTHER\"}")
                == "{\"data\":{\"report\":\"CONNZ\",\"options\":{\"acc\":\"$G\"}}}")
        #expect(
            try ask(client, "$SYS.REQ.ACCOUNT.PING.STATZ")
                == "{\"data\":{\"account_statz\":[{\"acc\":\"$G\",\"conns\":1}]}}")
        #expect(
            try ask(client, "$SYS.REQ.USER.INFO")
                == "{\"data\":{\"user\":\"\",\"account\":\"$G\",\"account_name\":\"$G\"}}")
        for subject in ["$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.SYS.CONNZ", "$SYS.REQ.SERVER.NID.KICK"] {
            #expect(try ask(client, subject) == "NATS/1.0 503")
        }
    }

    @Test func `the system account asks about any account`() throws {
        let server = try server()
        defer { server.stop() }
        let client = server.wire()
        #expect(
            try ask(client, "$SYS.REQ.ACCOUNT.$G.CONNZ", "{\"limit\":5}")
                == "{\"data\":{\"report\":\"CONNZ\",\"options\":{\"limit\":5,\"acc\":\"$G\"}}}")
        #expect(
            try ask(client, "$SYS.REQ.ACCOUNT.$G.INFO") == "{\"data\":{\"account_name\":\"$G\"}}")
        #expect(
            try ask(client, "$SYS.REQ.ACCOUNT.NOPE.JSZ")
                == "{\"data\":null,\"error\":{\"code\":500,\"description\":\"account \\\"NOPE\\\" not found\"}}")
        #expect(try ask(client, "$SYS.REQ.CLAIMS.LIST") == "NATS/1.0 503")
    }

    @Test func `a client is told to go, or sent away`() throws {
        let server = try server()
        defer { server.stop() }
        // A client of protocol 1 understands what comes behind its first PONG.
        let (admin, victim) = (server.wire(), server.wire("\"headers\":true,\"protocol\":1"))
        #expect(victim.line()?.contains("\"remote_account\":\"$G\"") == true)
        #expect(try ask(admin, "$SYS.REQ.SERVER.NID.LDM", "{\"cid\":2}") == "{}")
        #expect(victim.line()?.contains("\"ldm\":true") == true)
        #expect(
            try ask(admin, "$SYS.REQ.SERVER.NID.KICK", "{\"cid\":99}")
                == "{\"error\":{\"code\":500,\"description\":\"no such client or leafnode id\"}}")
        #expect(try ask(admin, "$SYS.REQ.SERVER.NID.KICK", "{\"cid\":2}") == "{}")
        #expect(victim.line() == nil)
        #expect(
            try ask(admin, "$SYS.REQ.SERVER.NID.RELOAD")
                == "{\"error\":{\"code\":500,\"description\":\"there is no configuration file to reload\"}}")
    }

    @Test func `who listens hears of clients that come and go, and of the end`() throws {
        let server = try server()
        let admin = server.wire()
        admin.send("SUB $SYS.ACCOUNT.*.CONNECT 1\r\nSUB $SYS.ACCOUNT.*.DISCONNECT 2\r\n")
        admin.send("SUB $SYS.ACCOUNT.*.SERVER.CONNS 3\r\nSUB $SYS.SERVER.*.SHUTDOWN 4\r\n")
        admin.settle()
        let client = server.wire("\"headers\":true,\"name\":\"n\"")
        var events: [String: JSONValue] = [:]
        func read() throws {
            let line = try #require(admin.line())
            let body = try #require(admin.line())
            let subject = String(line.split(separator: " ")[1])
            events[subject] = try JSONValue.parse(Array(body.utf8).span.bytes)
        }
        try read()
        try read()
        let connect = try #require(events["$SYS.ACCOUNT.$G.CONNECT"])
        #expect(connect["type"]?.string == "io.nats.server.advisory.v1.client_connect")
        #expect(connect["client"]?["name"]?.string == "n")
        #expect(connect["client"]?["acc"]?.string == "$G")
        #expect(events["$SYS.ACCOUNT.$G.SERVER.CONNS"]?["conns"] == .number("1"))
        client.close()
        try read()
        try read()
        let disconnect = try #require(events["$SYS.ACCOUNT.$G.DISCONNECT"])
        #expect(disconnect["reason"]?.string == "Client Closed")
        #expect(disconnect["client"]?["stop"]?.string != nil)
        server.service.stop()
        try read()
        #expect(events["$SYS.SERVER.NID.SHUTDOWN"]?["id"]?.string == "NID")
        server.stop()
    }
}
