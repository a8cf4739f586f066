import Accounts
import NATSService
import ServerConfig
import Testing

/// Who is let in and what for, at the seams: passwords that are hashed on another thread, rights
/// that loops ask each other for, and a directory that is replaced under live connections.
@Suite struct AuthenticationTests {
    private static let hash = "$2b$04$WKlVshdAkqAh7glqm1VqGOIeNZQj4pRFx4xmfqEWW2EGxJGPEkcnG"

    private func directory(
        _ users: [UserOptions], timeoutMilliseconds: Int64 = 200
    ) throws -> AccountDirectory {
        var options = ServerOptions()
        options.authorization = AuthorizationOptions()
        options.authorization?.users = users
        options.authorization?.timeoutNanoseconds = timeoutMilliseconds * 1_000_000
        return try AccountDirectory(options)
    }

    private func user(
        _ name: String, _ password: String = "p", publish: SubjectPermission? = nil,
        subscribe: SubjectPermission? = nil, answers: Bool = false
    ) -> UserOptions {
        var user = UserOptions()
        user.user = name
        user.password = password
        if publish != nil || subscribe != nil || answers {
            user.permissions = PermissionsOptions()
            user.permissions?.publish = publish
            user.permissions?.subscribe = subscribe
            if answers { user.permissions?.responses = ResponsePermission() }
        }
        return user
    }

    private func login(_ user: String, _ password: String = "p") -> String {
        "\"user\":\"\(user)\",\"pass\":\"\(password)\",\"headers\":true,\"no_responders\":true"
    }

    @Test func `what follows a CONNECT whose password is hashed waits for the answer`() throws {
        let server = try TestServer(
            loopCount: 1, directory: directory([user("a", Self.hash)], timeoutMilliseconds: 60_000))
        defer { server.stop() }
        let wire = server.wire(nil)
        wire.send(
            "CONNECT {\"user\":\"a\",\"pass\":\"pässword\"}\r\nSUB x 1\r\nPUB x 2\r\nhi\r\nPING\r\n")
        #expect(wire.lines(6) == ["+OK", "+OK", "+OK", "MSG x 1 2", "hi", "PONG"])
        let stranger = server.wire(nil)
        stranger.send("CONNECT {\"user\":\"a\",\"pass\":\"wrong\"}\r\nPUB x 2\r\nno\r\n")
        #expect(stranger.lines(2) == ["-ERR 'Authorization Violation'", "nothing"])
        #expect(wire.linesUntilPong() == [])
    }

    @Test func `many logins with hashes are all answered, and nobody else waits for them`() throws {
        let server = try TestServer(
            loopCount: 1,
            directory: directory([user("a", Self.hash), user("b")], timeoutMilliseconds: 60_000))
        defer { server.stop() }
        let wires = (0..<200).map { _ in server.wire(nil) }
        for wire in wires { wire.send("CONNECT {\"user\":\"a\",\"pass\":\"pässword\"}\r\n") }
        // Plain passwords pass them by.
        _ = server.wire(login("b"))
        for wire in wires { #expect(wire.line() == "+OK") }
    }

    @Test func `who says nothing, or something else, is not kept`() throws {
        let server = try TestServer(directory: directory([user("a")]))
        defer { server.stop() }
        let silent = server.wire(nil)
        #expect(silent.info.contains("\"auth_required\":true"))
        #expect(silent.lines(2) == ["-ERR 'Authentication Timeout'", "nothing"])
        // The letter is enough: nobody sends a payload before.
        let early = server.wire(nil)
        early.send("P")
        #expect(early.lines(2) == ["-ERR 'Authorization Violation'", "nothing"])
        let long = server.wire(nil)
        long.send("CONNECT {\"user\":\"" + String(repeating: "a", count: 5000))
        #expect(long.lines(2) == ["-ERR 'maximum control line exceeded'", "nothing"])
    }

    @Test(arguments: [1, 2, 3])
    func `what is denied is held back from every loop`(loopCount: Int) throws {
        let server = try TestServer(
            loopCount: loopCount,
            directory: directory([
                user("reader", subscribe: SubjectPermission(deny: ["a.secret"])), user("writer"),
            ]))
        defer { server.stop() }
        let reader = server.wire(login("reader"))
        reader.send("SUB a.* 1\r\nSUB a.* group 2\r\nSUB a.secret 3\r\n")
        #expect(
            reader.linesUntilPong() == [
                "-ERR 'Permissions Violation for Subscription to \"a.secret\"'"
            ])
        for _ in 0..<4 {
            let writer = server.wire(login("writer"))
            writer.send("PUB a.secret r 1\r\n-\r\nPUB a.open 1\r\n+\r\n")
            writer.settle()
        }
        let lines = reader.linesUntilPong()
        #expect(lines.count == 16)
        #expect(!lines.contains { $0.contains("secret") })
    }

    @Test(arguments: [1, 2, 3])
    func `an answer may be given once, whichever loop asked`(loopCount: Int) throws {
        let server = try TestServer(
            loopCount: loopCount, directory: directory([user("service", answers: true), user("x")]))
        defer { server.stop() }
        let service = server.wire(login("service"))
        service.send("SUB do 1\r\n")
        service.settle()
        for round in 0..<4 {
            let client = server.wire(login("x"))
            client.send("SUB in.\(round) 1\r\nPUB do in.\(round) 0\r\n\r\n")
            #expect(service.lines(2) == ["MSG do 1 in.\(round) 0", ""])
            service.send("PUB in.\(round) 2\r\nok\r\nPUB in.\(round) 2\r\nno\r\n")
            #expect(
                service.linesUntilPong() == [
                    "-ERR 'Permissions Violation for Publish to \"in.\(round)\"'"
                ])
            #expect(client.linesUntilPong() == ["MSG in.\(round) 1 2", "ok"])
        }
        service.send("PUB in.9 0\r\n\r\n")
        #expect(
            service.linesUntilPong() == ["-ERR 'Permissions Violation for Publish to \"in.9\"'"])
    }

    @Test func `two users on one subject do not share what is remembered of it`() throws {
        let server = try TestServer(
            loopCount: 1,
            directory: directory([
                user("may", publish: SubjectPermission(allow: ["s"])),
                user("not", publish: SubjectPermission(deny: ["s"])), user("reader"),
            ]))
        defer { server.stop() }
        let reader = server.wire(login("reader"))
        reader.send("SUB s 1\r\n")
        reader.settle()
        let (may, not) = (server.wire(login("may")), server.wire(login("not")))
        for _ in 0..<5 {
            may.send("PUB s 1\r\n+\r\n")
            may.settle()
            not.send("PUB s 1\r\n-\r\n")
            #expect(
                not.linesUntilPong() == ["-ERR 'Permissions Violation for Publish to \"s\"'"])
        }
        let expected = Array(repeating: ["MSG s 1 1", "+"], count: 5).flatMap(\.self)
        #expect(reader.linesUntilPong() == expected)
    }

    @Test func `a new directory takes effect on those who are connected`() throws {
        let server = try TestServer(
            loopCount: 2, directory: directory([user("a"), user("b"), user("c")]))
        defer { server.stop() }
        let (a, b, c) = (server.wire(login("a")), server.wire(login("b")), server.wire(login("c")))
        a.send("SUB x.* 1\r\nSUB y 2\r\n")
        a.settle()
        try server.service.replaceDirectory(
            directory([
                user(
                    "a", publish: SubjectPermission(allow: ["y"]),
                    subscribe: SubjectPermission(allow: ["x.*"], deny: ["x.no"])),
                user("b"), user("c", "new"),
            ]))
        #expect(
            a.line() == "-ERR 'Permissions Violation for Subscription to \"y\" (sid \"2\")'")
        #expect(c.lines(2) == ["-ERR 'Authorization Violation'", "nothing"])
        b.send("PUB y 1\r\n-\r\nPUB x.no 1\r\n-\r\nPUB x.yes 1\r\n+\r\n")
        b.settle()
        #expect(a.linesUntilPong() == ["MSG x.yes 1 1", "+"])
        a.send("PUB x 0\r\n\r\n")
        #expect(a.linesUntilPong() == ["-ERR 'Permissions Violation for Publish to \"x\"'"])
        // And back.
        try server.service.replaceDirectory(directory([user("a"), user("b")]))
        a.settle()
        b.settle()
        b.send("PUB x.no 1\r\n+\r\n")
        b.settle()
        a.send("PUB z 0\r\n\r\n")
        #expect(a.linesUntilPong() == ["MSG x.no 1 1", "+"])
    }

    @Test func `the server's id is a key`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let id = server.wire(nil).info.split(separator: "\"")[3]
        #expect(NKey(String(id), .server) != nil)
    }
}
