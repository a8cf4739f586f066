import Accounts
import JSON
import NATSService
import ServerConfig
import Testing

/// A service that decides who may connect: what it is asked, and which answers count.
@Suite struct CalloutTests {
    private let issuer = SigningKey(.account, seed: Array(repeating: 21, count: 32))
    private let box = SealingKey(seed: Array(repeating: 22, count: 32))

    private func server(sealed: Bool = false, timeoutMilliseconds: Int64 = 500) throws -> TestServer {
        var options = ServerOptions()
        var service = UserOptions()
        (service.user, service.password) = ("auth", "p")
        var account = AccountOptions(name: "AUTH")
        account.users = [service]
        options.accounts = [account, AccountOptions(name: "APP"), AccountOptions(name: "OTHER")]
        var callout = AuthCalloutOptions()
        callout.issuer = issuer.publicKey.text
        callout.account = "AUTH"
        callout.authUsers = ["auth"]
        callout.allowedAccounts = ["APP"]
        if sealed { callout.xkey = box.publicKey.text }
        options.authorization = AuthorizationOptions()
        options.authorization?.authCallout = callout
        options.authorization?.timeoutNanoseconds = timeoutMilliseconds * 1_000_000
        return try TestServer(loopCount: 2, directory: AccountDirectory(options))
    }

    /// What a question says.
    private struct Question {
        var subject = ""
        var reply = ""
        var header = ""
        var token: SignedToken
    }

    private func question(_ service: Wire, sealed: Bool = false) throws -> Question {
        let parts = service.line()?.split(separator: " ").map(String.init) ?? []
        let isHeadered = parts.first == "HMSG"
        var header = ""
        if isHeadered { header = (0..<3).map { _ in service.line() ?? "" }[1] }
        let count = try #require(Int(parts.last ?? "")) - (isHeadered ? Int(parts[4]) ?? 0 : 0)
        var bytes = service.bytes(count + 2)
        bytes.removeLast(2)
        if sealed {
            let key = try #require(NKey(String(header.split(separator: " ")[1]), .curve))
            bytes = try #require(box.open(bytes, from: key))
        }
        return Question(
            subject: parts[1], reply: parts[3], header: header,
            token: try SignedToken(String(decoding: bytes, as: UTF8.self)))
    }

    private func userToken(
        about key: String, by signer: SigningKey? = nil, account: String = "APP",
        claims: String = #""pub":{"allow":["ok"]},"subs":-1,"payload":-1"#, expires: Int64 = 0
    ) -> String {
        SignedToken.sign(
            by: signer ?? issuer, subject: key, name: "joe", audience: account,
            issuedAt: 1_700_000_000, expires: expires, id: "U",
            claims: json(#"{"type":"user","version":2,\#(claims)}"#))
    }

    private func response(
        _ question: Question, _ claims: String, by signer: SigningKey? = nil,
        about key: String? = nil, to server: String? = nil
    ) -> String {
        SignedToken.sign(
            by: signer ?? issuer, subject: key ?? question.token.subject,
            audience: server ?? question.token.issuer.text, issuedAt: 1_700_000_000, id: "R",
            claims: json(#"{"type":"authorization_response","version":2,\#(claims)}"#))
    }

    private func json(_ text: String) -> JSONValue {
        try! JSONValue.parse(Array(text.utf8).span.bytes)
    }

    private func publish(_ service: Wire, _ reply: String, _ text: String) {
        service.send("PUB \(reply) \(text.utf8.count)\r\n\(text)\r\n")
    }

    private func start(_ server: TestServer) -> Wire {
        let service = server.wire("\"user\":\"auth\",\"pass\":\"p\",\"headers\":true")
        service.send("SUB $SYS.REQ.USER.AUTH 1\r\n")
        service.settle()
        return service
    }

    private let connect =
        "CONNECT {\"verbose\":false,\"user\":\"joe\",\"pass\":\"secret\",\"name\":\"app\",\"lang\":\"swift\"}\r\n"

    @Test(arguments: [false, true])
    func `the service is told all, and its answer is what the client may do`(sealed: Bool) throws {
        let server = try server(sealed: sealed)
        defer { server.stop() }
        let service = start(server)
        let client = server.wire(nil)
        client.send(connect + "PUB ok 0\r\n\r\nPUB no 0\r\n\r\nPING\r\n")
        let question = try question(service, sealed: sealed)
        #expect(question.subject == "$SYS.REQ.USER.AUTH")
        #expect(question.header.hasPrefix("Nats-Server-Xkey: X") == sealed)
        #expect(question.token.issuer.kind == .server)
        #expect(question.token.audience == "nats-authorization-request")
        let claims = question.token.claims.value
        #expect(claims["type"]?.string == "authorization_request")
        #expect(claims["user_nkey"]?.string == question.token.subject)
        #expect(claims["server_id"]?["id"]?.string == question.token.issuer.text)
        #expect(claims["client_info"]?["host"]?.string == "127.0.0.1")
        #expect(claims["client_info"]?["user"]?.string == "joe")
        #expect(claims["connect_opts"]?["user"]?.string == "joe")
        #expect(claims["connect_opts"]?["pass"]?.string == "secret")
        #expect(claims["connect_opts"]?["lang"]?.string == "swift")
        #expect(claims["connect_opts"]?["protocol"]?.integer(Int.self) == 0)
        publish(
            service, question.reply,
            response(question, #""jwt":"\#(userToken(about: question.token.subject))""#))
        #expect(client.lines(2) == ["-ERR 'Permissions Violation for Publish to \"no\"'", "PONG"])
        #expect(server.service.accounts.known("APP")?.clientCount == 1)
    }

    @Test func `only an answer that is signed, about this client and for this server counts`() throws
    {
        let server = try server()
        defer { server.stop() }
        let service = start(server)
        let stranger = SigningKey(.account, seed: Array(repeating: 99, count: 32))
        let other = SigningKey(.user, seed: Array(repeating: 98, count: 32)).publicKey.text
        let answers: [(Question) -> String] = [
            { _ in "" }, { _ in "nonsense" }, { $0.token.subject },
            { self.response($0, #""error":"go away""#) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject))""#, by: stranger) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject))""#, about: other) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject))""#, to: "N") },
            { self.response($0, #""jwt":"\#(self.userToken(about: other))""#) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject, by: stranger))""#) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject, account: "NO"))""#) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject, account: "OTHER"))""#) },
            { self.response($0, #""jwt":"\#(self.userToken(about: $0.token.subject, expires: 5))""#) },
            {
                let claims = #""pub":{"deny":["a..b"]}"#
                let user = self.userToken(about: $0.token.subject, claims: claims)
                return self.response($0, #""jwt":"\#(user)""#)
            },
        ]
        for (index, answer) in answers.enumerated() {
            let client = server.wire(nil)
            client.send(connect)
            let question = try question(service)
            publish(service, question.reply, answer(question))
            #expect(
                client.lines(2) == ["-ERR 'Authorization Violation'", "nothing"], "answer \(index)")
        }
    }

    @Test func `without a service, or an answer, nobody is let in`() throws {
        let server = try server(timeoutMilliseconds: 100)
        defer { server.stop() }
        let alone = server.wire(nil)
        alone.send(connect)
        #expect(alone.lines(2) == ["-ERR 'Authorization Violation'", "nothing"])
        let service = start(server)
        let client = server.wire(nil)
        client.send(connect)
        let question = try question(service)
        #expect(client.lines(2) == ["-ERR 'Authorization Violation'", "nothing"])
        // Too late, and nobody is disturbed by it.
        publish(
            service, question.reply,
            response(question, #""jwt":"\#(userToken(about: question.token.subject))""#))
        service.settle()
    }

    @Test func `nobody but the server asks the service`() throws {
        let server = try server()
        defer { server.stop() }
        let service = start(server)
        service.send("PUB $SYS.REQ.USER.AUTH 0\r\n\r\n")
        #expect(
            service.linesUntilPong() == [
                "-ERR 'Permissions Violation for Publish to \"$SYS.REQ.USER.AUTH\"'"
            ])
    }
}
