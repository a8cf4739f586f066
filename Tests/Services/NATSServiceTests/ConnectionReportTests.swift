import NATSService
import Synchronization
import Testing

/// What the server counts about each connection.
@Suite struct ConnectionReportTests {
    @Test func `what goes in and out is counted for each connection, whatever loop it came from`() throws {
        let server = try TestServer(loopCount: 2)
        defer { server.stop() }
        let receivers = (0..<4).map { server.wire("\"name\":\"r\($0)\"") }
        for receiver in receivers {
            receiver.send("SUB a.* 7\r\nSUB b 8\r\n")
            receiver.settle()
        }
        let senders = (0..<4).map { server.wire("\"headers\":true,\"name\":\"s\($0)\"") }
        for sender in senders {
            sender.send("PUB a.b 2\r\nhi\r\nHPUB b 12 15\r\nNATS/1.0\r\n\r\nabc\r\n")
        }
        for receiver in receivers {
            _ = receiver.lines(16)
            receiver.settle()
        }
        let reports = server.reports()
        #expect(reports.count == 8)
        for report in reports where report.name.hasPrefix("r") {
            #expect(report.messagesOut == 8)
            // Without the headers, which these clients do not understand.
            #expect(report.bytesOut == 4 * 2 + 4 * 3)
            #expect(report.messagesIn == 0)
            #expect(report.subscriptionCount == 2)
            #expect(report.lastActivity > report.start)
        }
        for report in reports where report.name.hasPrefix("s") {
            #expect(report.messagesIn == 2)
            #expect(report.bytesIn == 2 + 15)
            #expect(report.messagesOut == 0)
            #expect(report.roundTripNanoseconds > 0)
            #expect(report.account == "$G")
        }
    }

    @Test func `subscriptions are listed with what came by them`() throws {
        let server = try TestServer(loopCount: 2)
        defer { server.stop() }
        let client = server.wire()
        client.send("SUB a.* 7\r\nSUB b q 8\r\nUNSUB 8 5\r\nPUB a.b 2\r\nhi\r\n")
        _ = client.lines(2)
        client.settle()
        let box = Box<[SubscriptionReport]>()
        server.service.reportSubscriptions { box.put($0) }
        let all = box.take().sorted { $0.sid < $1.sid }
        #expect(all.map(\.subject) == ["a.*", "b"])
        #expect(all.map(\.queue) == ["", "q"])
        #expect(all.map(\.messageCount) == [1, 0])
        #expect(all.map(\.maximum) == [0, 5])
        let none = Box<[SubscriptionReport]>()
        server.service.reportSubscriptions(of: [999]) { none.put($0) }
        #expect(none.take().isEmpty)
    }

    @Test func `connections that ended are remembered with the reason, the latest of them`() throws {
        let server = try TestServer(loopCount: 2) { $0.maximumClosedClients = 3 }
        defer { server.stop() }
        let bad = ["FOO\r\n", "SUB a\r\n", "-ERR x\r\n", "PUB a 99999999\r\n", "CONNECT x\r\n"]
        for text in bad {
            let wire = server.wire()
            wire.send(text)
            while wire.line() != nil {}
        }
        var reports = server.service.closedReports
        for _ in 0..<200 where reports.total < 5 {
            pause(milliseconds: 10)
            reports = server.service.closedReports
        }
        #expect(reports.total == 5)
        #expect(
            reports.reports.map(\.reason) == [
                .parseError, .payloadTooLarge, .protocolViolation,
            ])
        #expect(reports.reports.allSatisfy { $0.stop != nil })
        #expect(server.service.clientStatistics.totalConnections == 5)
    }

    @Test func `many connections are gathered over several turns`() throws {
        let server = try TestServer(loopCount: 2)
        defer { server.stop() }
        let wires = (0..<1_300).map { _ in server.wire(nil) }
        for _ in 0..<200 where server.service.clientCount < wires.count {
            pause(milliseconds: 10)
        }
        #expect(Set(server.reports().map(\.id)).count == 1_300)
    }
}

extension TestServer {
    func reports() -> [ConnectionReport] {
        let box = Box<[ConnectionReport]>()
        service.reportConnections { box.put($0) }
        return box.take()
    }
}

/// One value on its way between threads.
final class Box<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    func put(_ new: Value) { value.withLock { $0 = new } }

    func take() -> Value {
        while true {
            if let value = value.withLock({ $0 }) { return value }
            pause(milliseconds: 1)
        }
    }
}
