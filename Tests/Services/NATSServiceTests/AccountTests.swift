import NATSService
import Testing

/// Accounts, as far as they can be seen without anybody logging in.
@Suite struct AccountTests {
    @Test func `what one account publishes does not reach the clients of another`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB news.* 1\r\n")
        client.settle()
        let other = server.service.accounts.account(named: "OTHER")
        let reached = server.onHome { global in
            let elsewhere = server.service.routing(for: other)
            return [elsewhere.publish("news.1", "no"), global.publish("news.2", "yes")]
        }
        #expect(reached == [false, true])
        #expect(client.lines(2) == ["MSG news.2 1 3", "yes"])
        #expect(client.linesUntilPong() == [])
        #expect(other.subscriptionCount == 0)
        #expect(server.service.accounts.global.subscriptionCount == 1)
        #expect(server.service.accounts.global.clientCount == 1)
    }

    @Test func `what the server subscribes to in one account it does not get from another`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let other = server.service.accounts.account(named: "OTHER")
        server.service.addCapture(.api, of: "$JS.API.>", in: other)
        server.service.addCapture(.stream, of: "orders")
        let client = server.wire()
        client.send("PUB $JS.API.INFO 1\r\n1\r\nPUB orders 1\r\n2\r\n")
        client.settle()
        #expect(server.captures(1) == ["0 orders: 2"])
    }

    @Test func `accounts come and go, and the global one stays`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let accounts = server.service.accounts
        #expect(accounts.known("A") === nil)
        let first = accounts.account(named: "A")
        #expect(accounts.account(named: "A") === first)
        #expect(accounts.all.map(\.name) == ["$G", "$SYS", "A"])
        accounts.forget("A")
        accounts.forget("$G")
        #expect(accounts.all.map(\.name) == ["$G", "$SYS"])
        #expect(accounts.account(named: "A") !== first)
    }
}
