import NATSService
import Testing

/// What the wire tests against both servers cannot see: the seams to the broker, and the loops.
@Suite struct NATSServiceTests {
    @Test(arguments: [1, 2, 3])
    func `messages cross between connections on all loops`(loopCount: Int) throws {
        let server = try TestServer(loopCount: loopCount)
        defer { server.stop() }
        let receivers = (0..<4).map { _ in server.wire() }
        for receiver in receivers {
            receiver.send("SUB a.* 7\r\n")
            receiver.settle()
        }
        let senders = (0..<3).map { _ in server.wire() }
        for sender in senders { sender.send("PUB a.b 2\r\nhi\r\n") }
        for receiver in receivers {
            #expect(
                receiver.lines(6) == [
                    "MSG a.b 7 2", "hi", "MSG a.b 7 2", "hi", "MSG a.b 7 2", "hi",
                ])
        }
        #expect(server.service.statistics.messagesIn == 3)
        #expect(server.service.statistics.messagesOut == 12)
        #expect(server.service.statistics.bytesOut == 24)
        #expect(server.service.clientCount == 7)
        #expect(server.service.subscriptionCount == 4)
    }

    @Test func `a subscription that is confirmed is seen by the next publish of anybody`() throws {
        let server = try TestServer(loopCount: 2)
        defer { server.stop() }
        let senders = (0..<4).map { _ in server.wire() }
        for round in 0..<50 {
            // So that each sender's loop has the outdated match in its cache.
            for sender in senders { for _ in 0..<3 { sender.send("PUB s 1\r\n-\r\n") } }
            for sender in senders { sender.settle() }
            let receiver = server.wire()
            receiver.send("SUB s \(round)\r\n")
            receiver.settle()
            for sender in senders {
                sender.send("PUB s 1\r\n+\r\n")
                #expect(receiver.lines(2) == ["MSG s \(round) 1", "+"])
            }
        }
    }

    @Test func `many subjects more than once find their way`() throws {
        let server = try TestServer(loopCount: 1)
        defer { server.stop() }
        let receiver = server.wire()
        receiver.send("SUB many.*.x 1\r\nSUB many.777.* 2\r\n")
        receiver.settle()
        let sender = server.wire()
        for _ in 0..<3 {
            var text = ""
            for index in 0..<20_000 { text += "PUB many.\(index).x 0\r\n\r\n" }
            sender.send(text)
            var count = 0
            for index in 0..<20_000 {
                let line = receiver.line()
                if line == "MSG many.\(index).x 1 0" { count += 1 }
                _ = receiver.line()
                if index == 777 { #expect(receiver.lines(2) == ["MSG many.777.x 2 0", ""]) }
            }
            #expect(count == 20_000)
        }
    }

    @Test func `a long sid comes back whole, and headers only where they are understood`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let sid = String(repeating: "s", count: 40)
        let (modern, old) = (server.wire(), server.wire("\"headers\":false"))
        modern.send("SUB h \(sid)\r\nSUB h fifteen-letters\r\nSUB h sixteen-letters-\r\n")
        old.send("SUB h 1\r\n")
        modern.settle()
        old.settle()
        server.wire().send("HPUB h r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n")
        #expect(old.lines(2) == ["MSG h 1 r 2", "hi"])
        for name in [sid, "fifteen-letters", "sixteen-letters-"] {
            #expect(modern.lines(4) == ["HMSG h \(name) r 12 14", "NATS/1.0", "", "hi"])
        }
    }

    @Test func `a maximum holds across publishers on all loops`() throws {
        let server = try TestServer(loopCount: 3)
        defer { server.stop() }
        let receiver = server.wire()
        receiver.send("SUB m 1\r\nUNSUB 1 5\r\n")
        receiver.settle()
        let senders = (0..<6).map { _ in server.wire() }
        for sender in senders { sender.send("PUB m 0\r\n\r\nPUB m 0\r\n\r\n") }
        for sender in senders { sender.settle() }
        #expect(
            receiver.linesUntilPong()
                == Array(repeating: ["MSG m 1 0", ""], count: 5).flatMap(\.self))
        #expect(server.service.subscriptionCount == 0)
    }

    @Test
    func
        `what the server subscribes to is handed to its inbox from each loop, and counts as delivered`()
        throws
    {
        let server = try TestServer(loopCount: 2)
        defer { server.stop() }
        server.service.addCapture(.stream, of: "orders.>")
        server.service.addCapture(.api, of: "$JS.API.>")
        for _ in 0..<2 {
            let client = server.wire()
            client.send("SUB _INBOX.x 1\r\nSUB orders.* 2\r\n")
            client.send(
                "PUB orders.1 _INBOX.x 5\r\nhello\r\nHPUB orders.2 12 13\r\nNATS/1.0\r\n\r\n!\r\n")
            client.send("PUB $JS.API.INFO  _INBOX.x 0\r\n\r\nPUB other _INBOX.x 0\r\n\r\n")
            let lines = client.linesUntilPong()
            #expect(lines.prefix(2) == ["MSG orders.1 2 _INBOX.x 5", "hello"])
            // Only the last one reached nobody.
            #expect(lines.filter { $0.hasPrefix("HMSG _INBOX.x") }.count == 1)
            #expect(lines.contains("Nats-Subject: other"))
            client.send("UNSUB 2\r\n")
            client.settle()
        }
        let expected = [
            "0 orders.1 reply _INBOX.x: hello", "0 orders.2 headers 12: !",
            "1 $JS.API.INFO reply _INBOX.x: ",
        ]
        #expect(server.captures(6).sorted() == (expected + expected).sorted())
        #expect(server.service.removeCapture(.stream, of: "orders.>"))
        #expect(!server.service.removeCapture(.stream, of: "orders.>"))
        let client = server.wire()
        client.send("SUB _INBOX.y 1\r\nPUB orders.1 _INBOX.y 0\r\n\r\n")
        #expect(client.linesUntilPong().contains("NATS/1.0 503"))
    }

    @Test func `a delivery is routed by its inbox and shows its own subject`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let receiver = server.wire()
        receiver.send("SUB inbox.1 9\r\n")
        receiver.settle()
        let reached = server.onHome { router in
            router.deliver(
                "orders.eu", to: "inbox.1", reply: "$JS.ACK.x", headers: "NATS/1.0\r\nA: b\r\n\r\n",
                "payload")
        }
        #expect(reached)
        #expect(
            receiver.lines(5) == [
                "HMSG orders.eu 9 $JS.ACK.x 18 25", "NATS/1.0", "A: b", "", "payload",
            ])
        let lost = server.onHome { $0.deliver("orders.eu", to: "inbox.2", "payload") }
        #expect(!lost)
    }

    @Test func `interest is known by prefix and follows the subscriptions`() throws {
        let server = try TestServer()
        defer { server.stop() }
        func hasInterest() -> Bool { server.onHome { $0.hasInterest(inSubjectsOf: "kafka.t") } }
        let client = server.wire()
        #expect(!hasInterest())
        for filter in ["kafka.t", "kafka.t.*.x", "kafka.>", "*.t", ">"] {
            client.send("SUB \(filter) 1\r\n")
            client.settle()
            #expect(hasInterest(), "\(filter)")
            client.send("UNSUB 1\r\n")
            client.settle()
            #expect(!hasInterest(), "\(filter)")
        }
        client.send("SUB kafka.u.> 1\r\nSUB kafka 2\r\n")
        client.settle()
        #expect(!hasInterest())
    }

    @Test func `a client that leaves takes its subscriptions along`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB a 1\r\nSUB b q 2\r\n")
        client.settle()
        #expect(server.service.subscriptionCount == 2)
        client.close()
        for _ in 0..<500 where server.service.clientCount > 0 { pause(milliseconds: 10) }
        #expect(server.service.subscriptionCount == 0)
        #expect(server.service.clientCount == 0)
    }

    @Test func `a client that answers no PING is told so and cut off`() throws {
        let server = try TestServer {
            $0.pingIntervalNanoseconds = 50_000_000
            $0.maximumPingsOut = 2
        }
        defer { server.stop() }
        let client = server.wire(nil)
        client.showsPings = true
        #expect(client.lines(4) == ["PING", "PING", "-ERR 'Stale Connection'", "nothing"])
    }

    @Test
    func `a connection above the limit is refused by name, and the next is welcome when one left`()
        throws
    {
        let server = try TestServer { $0.maximumConnections = 1 }
        defer { server.stop() }
        let first = server.wire()
        #expect(server.wire(nil).line() == "-ERR 'maximum connections exceeded'")
        first.settle()
        first.close()
        for _ in 0..<500 where server.service.clientCount > 0 { pause(milliseconds: 10) }
        server.wire().settle()
    }

    @Test func `a receiver that reads nothing is cut off and does not hold up the others`() throws {
        let server = try TestServer { $0.maximumPending = 4 << 20 }
        defer { server.stop() }
        let (slow, quick, sender) = (server.wire(), server.wire(), server.wire())
        slow.send("SUB flood 1\r\n")
        slow.settle()
        quick.send("SUB done 1\r\n")
        quick.settle()
        let payload = String(repeating: "x", count: 100_000)
        for _ in 0..<300 { sender.send("PUB flood \(payload.utf8.count)\r\n\(payload)\r\n") }
        sender.send("PUB done 0\r\n\r\n")
        #expect(quick.lines(2) == ["MSG done 1 0", ""])
        for _ in 0..<500 where server.service.clientCount > 2 { pause(milliseconds: 10) }
        #expect(server.service.clientCount == 2)
    }

    @Test func `subjects with too many tokens and subscriptions above the limit are refused`() throws {
        let server = try TestServer {
            $0.maximumSubscriptionTokens = 3
            $0.maximumSubscriptions = 2
        }
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB a.b.c.d 1\r\nSUB a..b.c 1\r\nSUB a..b 1\r\nSUB a.b.c 1\r\nSUB a 2\r\n")
        client.send("SUB b 3\r\nSUB b 2\r\nSUB x..y 4\r\nPING\r\n")
        #expect(
            client.lines(7) == [
                "-ERR 'Permissions Violation for Subscription to \"a.b.c.d\", too many tokens'",
                "-ERR 'Permissions Violation for Subscription to \"a..b.c\", too many tokens'",
                "-ERR 'Invalid Subject'",
                "-ERR 'maximum subscriptions exceeded'",
                "-ERR 'maximum subscriptions exceeded'",
                "-ERR 'maximum subscriptions exceeded'",
                "PONG",
            ])
    }

    @Test(arguments: [false, true])
    func `publishers wait for a slow receiver, or pass it over`(passes: Bool) throws {
        let server = try TestServer {
            $0.maximumPending = 4 << 20
            $0.noFastProducerStall = passes
        }
        defer { server.stop() }
        let slow = server.wire()
        slow.send("SUB flood 1\r\n")
        slow.settle()
        let sender = server.wire()
        let message = "PUB flood 100000\r\n" + String(repeating: "x", count: 100_000) + "\r\n"
        for _ in 0..<300 { sender.send(message) }
        sender.settle()
        // The sender is never cut off, and its own report says what it went through.
        let report = server.reports().first { $0.messagesIn == 300 }
        #expect(report != nil)
        if passes {
            #expect(report?.stallCount == 0)
            #expect(server.service.clientStatistics.slowConsumers == 0)
            #expect(server.reports().contains { $0.subscriptionCount == 1 && $0.messagesOut < 300 })
        } else {
            #expect((report?.stallCount ?? 0) > 0)
            #expect(server.service.clientStatistics.stalls > 0)
        }
    }
}
