import Accounts
import NATSService
import ServerConfig
import Testing

/// Imports and exports, seen by a client of `$G` that shares with an account A, where the server
/// itself speaks.
@Suite struct SharingTests {
    private func plan(
        _ exports: [ExportOptions], _ imports: [ImportOptions],
        mappings: [MappingOptions] = []
    ) throws(SharingRefusal) -> SharingPlan {
        var (exporter, importer) = (AccountOptions(name: "A"), AccountOptions(name: "$G"))
        exporter.exports = exports
        importer.imports = imports
        importer.mappings = mappings
        return try SharingPlan([importer, exporter])
    }

    private func imported(
        _ kind: ShareKind, _ subject: String, to: String? = nil, prefix: String? = nil,
        shares: Bool = false
    ) -> ImportOptions {
        var options = ImportOptions(kind: kind, account: "A", subject: subject)
        options.to = to
        options.prefix = prefix
        options.shares = shares
        return options
    }

    private func server(_ plan: SharingPlan) throws -> TestServer {
        let server = try TestServer()
        server.service.apply(plan)
        return server
    }

    /// Publishes in account A.
    @discardableResult
    private func inA(
        _ server: TestServer, _ subject: String, to inbox: String? = nil, reply: String? = nil,
        _ payload: String
    ) -> Bool {
        let account = server.service.accounts.account(named: "A")
        return server.onHome { _ in
            server.service.routing(for: account)
                .deliver(subject, to: inbox ?? subject, reply: reply, payload)
        }
    }

    // MARK: Streams

    @Test func `what a client must not receive does not come from another account either`() throws {
        let server = try server(
            plan(
                [.init(kind: .stream, subject: "s.>")], [imported(.stream, "s.>", prefix: "pre")]))
        defer { server.stop() }
        var options = ServerOptions()
        var user = UserOptions()
        (user.user, user.password) = ("u", "p")
        user.permissions = PermissionsOptions()
        user.permissions?.subscribe = SubjectPermission(deny: ["pre.s.secret", "s.open"])
        options.authorization = AuthorizationOptions()
        options.authorization?.users = [user]
        try server.service.replaceDirectory(AccountDirectory(options))
        let client = server.wire("\"user\":\"u\",\"pass\":\"p\"")
        client.send("SUB pre.> 1\r\n")
        client.settle()
        inA(server, "s.secret", "no")
        inA(server, "s.open", "yes")
        #expect(client.linesUntilPong() == ["MSG pre.s.open 1 3", "yes"])
    }

    @Test func `a stream's messages appear under the names that the import gives them`() throws {
        let server = try server(
            plan(
                [.init(kind: .stream, subject: "s.>"), .init(kind: .stream, subject: "w.*.*")],
                [
                    imported(.stream, "s.>", prefix: "pre"),
                    imported(.stream, "w.*.*", to: "ww.$2.$1"),
                ]))
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB > 1\r\nSUB pre.s.* 2\r\nSUB ww.*.y 3\r\nSUB ww.y.> 4\r\nSUB s.x 5\r\n")
        client.settle()
        inA(server, "s.x", reply: "r", "1")
        #expect(Set(client.lines(4)) == ["MSG pre.s.x 1 r 1", "1", "MSG pre.s.x 2 r 1"])
        inA(server, "w.x.y", "2")
        #expect(Set(client.lines(4)) == ["MSG ww.y.x 1 1", "2", "MSG ww.y.x 4 1"])
        inA(server, "w.y.x", "3")
        #expect(Set(client.lines(4)) == ["MSG ww.x.y 1 1", "3", "MSG ww.x.y 3 1"])
        #expect(!inA(server, "other", "4"))
        #expect(client.linesUntilPong() == [])
    }

    @Test func `a limited subscription counts what comes by an import, too`() throws {
        let server = try server(
            plan([.init(kind: .stream, subject: "s")], [imported(.stream, "s")]))
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB s 1\r\nUNSUB 1 3\r\nPUB s 1\r\na\r\n")
        #expect(client.lines(2) == ["MSG s 1 1", "a"])
        #expect(inA(server, "s", "b"))
        #expect(inA(server, "s", "c"))
        #expect(client.lines(4) == ["MSG s 1 1", "b", "MSG s 1 1", "c"])
        #expect(!inA(server, "s", "d"))
        client.send("PUB s 1\r\ne\r\n")
        #expect(client.linesUntilPong() == [])
        #expect(server.service.accounts.account(named: "A").subscriptionCount == 0)
    }

    @Test func `subscriptions leave the other account with UNSUB and with the connection`() throws {
        let server = try server(
            plan([.init(kind: .stream, subject: "s.>")], [imported(.stream, "s.>")]))
        defer { server.stop() }
        let other = server.service.accounts.account(named: "A")
        let client = server.wire()
        client.send("SUB s.1 1\r\nSUB > q 2\r\n")
        client.settle()
        #expect(other.subscriptionCount == 2)
        client.send("UNSUB 1\r\n")
        client.settle()
        #expect(other.subscriptionCount == 1)
        client.close()
        for _ in 0..<200 where other.subscriptionCount > 0 { pause(milliseconds: 10) }
        #expect(other.subscriptionCount == 0)
    }

    @Test func `a new plan holds for subscriptions that are there`() throws {
        let server = try server(try SharingPlan([]))
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB > 1\r\n")
        client.settle()
        #expect(!inA(server, "s", "1"))
        server.service.apply(
            try plan([.init(kind: .stream, subject: "s")], [imported(.stream, "s", to: "t")]))
        for _ in 0..<200 where server.service.accounts.known("A")?.subscriptionCount == 0 {
            pause(milliseconds: 10)
        }
        #expect(inA(server, "s", "2"))
        #expect(client.lines(2) == ["MSG t 1 1", "2"])
        server.service.apply(try SharingPlan([]))
        for _ in 0..<200 where server.service.accounts.known("A")?.subscriptionCount != 0 {
            pause(milliseconds: 10)
        }
        #expect(!inA(server, "s", "3"))
    }

    // MARK: Services

    /// A server whose inbox takes what account A's service `svc.>` is asked.
    private func serviceServer(
        _ response: ResponseType = .single, thresholdNanoseconds: Int64? = nil,
        importing imports: [ImportOptions]
    ) throws -> TestServer {
        var export = ExportOptions(kind: .service, subject: "svc.>")
        export.response = response
        export.responseThresholdNanoseconds = thresholdNanoseconds
        let server = try server(plan([export], imports))
        server.service.addCapture(
            .api, of: "svc.>", in: server.service.accounts.account(named: "A"))
        return server
    }

    /// The reply subject in what the inbox got last.
    private func reply(_ server: TestServer, _ count: Int) throws -> String {
        let text = try #require(server.captures(count).last)
        let tokens = text.split(separator: " ")
        let place = try #require(tokens.firstIndex(of: "reply"))
        return String(tokens[place + 1].dropLast())
    }

    @Test func `a request reaches the service, and one answer the client`() throws {
        let server = try serviceServer(importing: [imported(.service, "svc.w.*", to: "ask.*")])
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB in.* 7\r\nPUB ask.me in.1 2\r\nq1\r\n")
        let reply = try reply(server, 1)
        #expect(reply.hasPrefix("_R_."))
        #expect(server.captures(1) == ["1 svc.w.me reply \(reply): q1"])
        #expect(inA(server, reply, "a1"))
        #expect(client.lines(2) == ["MSG in.1 7 2", "a1"])
        #expect(!inA(server, reply, "a2"))
        #expect(client.linesUntilPong() == [])
    }

    @Test func `a stored message keeps its subject, and its reply on its way back`() throws {
        let server = try serviceServer(.stream, importing: [imported(.service, "svc.one")])
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB in.* 7\r\nPUB svc.one in.1 0\r\n\r\n")
        let reply = try reply(server, 1)
        #expect(inA(server, "orders.1", to: reply, reply: "$JS.ACK.x", "m1"))
        #expect(inA(server, "orders.2", to: reply, "m2"))
        #expect(
            client.lines(4) == ["MSG orders.1 7 $JS.ACK.x 2", "m1", "MSG orders.2 7 2", "m2"])
    }

    @Test func `several answers end with an empty message`() throws {
        let server = try serviceServer(.chunked, importing: [imported(.service, "svc.one")])
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB in.* 7\r\nPUB svc.one in.1 0\r\n\r\n")
        let reply = try reply(server, 1)
        #expect(inA(server, reply, "1"))
        #expect(inA(server, reply, "2"))
        #expect(inA(server, reply, ""))
        #expect(!inA(server, reply, "4"))
        #expect(client.lines(6) == ["MSG in.1 7 1", "1", "MSG in.1 7 1", "2", "MSG in.1 7 0", ""])
    }

    @Test func `an answer that comes too late reaches nobody`() throws {
        let server = try serviceServer(
            thresholdNanoseconds: 1_000_000, importing: [imported(.service, "svc.one")])
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB in.* 7\r\nPUB svc.one in.1 0\r\n\r\n")
        let reply = try reply(server, 1)
        pause(milliseconds: 20)
        #expect(!inA(server, reply, "late"))
        #expect(client.linesUntilPong() == [])
    }

    @Test func `who asks a service that nobody offers hears so`() throws {
        let server = try server(
            plan([.init(kind: .service, subject: "svc")], [imported(.service, "svc", to: "ask")]))
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB in 7\r\nPUB ask in 0\r\n\r\n")
        #expect(
            client.lines(4) == ["HMSG in 7 35 35", "NATS/1.0 503", "Nats-Subject: ask", ""])
    }

    @Test func `subscribers here get a request as well as the service`() throws {
        let server = try serviceServer(importing: [imported(.service, "svc.one")])
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB svc.* 1\r\nPUB svc.one 1\r\nx\r\n")
        #expect(client.lines(2) == ["MSG svc.one 1 1", "x"])
        #expect(server.captures(1) == ["1 svc.one: x"])
    }

    // MARK: Mappings

    @Test func `what clients publish goes where the account's mappings say`() throws {
        let server = try server(
            plan(
                [], [],
                mappings: [
                    .init(source: "a.*", destinations: [.init(subject: "b.{{wildcard(1)}}")]),
                    .init(
                        source: "lost",
                        destinations: [
                            .init(subject: "lost", weight: 0), .init(subject: "x", weight: 0),
                        ]),
                ]))
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB > 1\r\nPUB a.x r 1\r\n1\r\nPUB lost 1\r\n2\r\nPUB other 1\r\n3\r\n")
        #expect(client.lines(4) == ["MSG b.x 1 r 1", "1", "MSG other 1 1", "3"])
        client.send("SUB r 2\r\nUNSUB 1\r\nPUB a.y r 0\r\n\r\n")
        #expect(client.lines(2) == ["HMSG r 2 35 35", "NATS/1.0 503"])
    }

    // MARK: What is refused

    @Test func `an import needs an export that lets it in`() throws {
        var restricted = ExportOptions(kind: .service, subject: "x.*")
        restricted.accounts = ["A"]
        #expect(throws: SharingRefusal.notAuthorized(isService: true, subject: "x.y")) {
            try plan([restricted], [imported(.service, "x.y")])
        }
        restricted.accounts = ["$G"]
        _ = try plan([restricted], [imported(.service, "x.y")])
        #expect(throws: SharingRefusal.notAuthorized(isService: false, subject: "x.y")) {
            try plan([restricted], [imported(.stream, "x.y")])
        }
        var withToken = ExportOptions(kind: .service, subject: "t.*")
        withToken.accountTokenPosition = 2
        _ = try plan([withToken], [imported(.service, "t.$G")])
        #expect(throws: SharingRefusal.notAuthorized(isService: true, subject: "t.B")) {
            try plan([withToken], [imported(.service, "t.B")])
        }
        withToken.accountTokenPosition = 1
        #expect(throws: SharingRefusal.badExport(isService: true, subject: "t.*")) {
            try plan([withToken], [])
        }
    }

    @Test func `cycles, unknown accounts, doubles and bad transforms are refused`() throws {
        var (one, two) = (AccountOptions(name: "A"), AccountOptions(name: "B"))
        for kind in [ShareKind.service, .stream] {
            one.exports = [.init(kind: kind, subject: "x")]
            two.exports = [.init(kind: kind, subject: "y")]
            var (wanted, other) = (
                ImportOptions(kind: kind, account: "B", subject: "y"),
                ImportOptions(kind: kind, account: "A", subject: "x")
            )
            (wanted.to, other.to) = ("x", "y")
            one.imports = [wanted]
            two.imports = [other]
            #expect(throws: SharingRefusal.cycle(isService: kind == .service, subject: "x")) {
                try SharingPlan([one, two])
            }
        }
        one.imports = [ImportOptions(kind: .service, account: "Z", subject: "y")]
        #expect(throws: SharingRefusal.unknownAccount("Z", of: "service import")) {
            try SharingPlan([one])
        }
        let export = ExportOptions(kind: .service, subject: "x.*")
        #expect(
            throws: SharingRefusal.duplicateService(local: "x.y", account: "A", subject: "x.y")
        ) {
            try plan([export], [imported(.service, "x.y"), imported(.service, "x.y")])
        }
        let refusal = #expect(throws: SharingRefusal.self) {
            try plan([export], [imported(.service, "x.*", to: "y")])
        }
        #expect(
            refusal?.description
                == "Error adding service import \"x.*\": failed to create mapping transform for service import subject from \"y\" to \"x.*\": invalid mapping destination: not using all of the token wildcard(s) in y"
        )
        var timed = ExportOptions(kind: .service, subject: "x")
        timed.latency = LatencyOptions(subject: "l")
        #expect(throws: SharingRefusal.latency(subject: "x")) { try plan([timed], []) }
    }
}
