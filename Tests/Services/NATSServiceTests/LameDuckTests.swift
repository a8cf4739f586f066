import NATSService
import Testing

@Suite struct LameDuckTests {
    @Test func `clients are told, then let go one after the other, and nobody else comes in`() throws {
        let server = try TestServer(loopCount: 2) {
            $0.lameDuckGraceNanoseconds = 200_000_000
            $0.lameDuckDurationNanoseconds = 700_000_000
        }
        defer { server.stop() }
        let modern = (0..<4).map { _ in server.wire("\"protocol\":1") }
        for wire in modern { #expect(wire.line()?.contains("\"connect_info\":true") == true) }
        let old = server.wire()
        let done = Box<Bool>()
        server.service.enterLameDuck { done.put(true) }
        for wire in modern {
            let line = wire.line() ?? ""
            #expect(line.hasPrefix("INFO {") && line.contains("\"ldm\":true"))
        }
        #expect(server.service.isLameDuck)
        #expect(server.service.clientCount == 5)
        for wire in modern + [old] { #expect(wire.line() == nil) }
        #expect(done.take())
        for _ in 0..<200 where server.service.clientCount > 0 { pause(milliseconds: 10) }
        #expect(server.service.closedReports.reports.map(\.reason).allSatisfy { $0 == .serverShutdown })
    }

    @Test func `without clients it is over at once`() throws {
        let server = try TestServer()
        defer { server.stop() }
        let done = Box<Bool>()
        server.service.enterLameDuck { done.put(true) }
        #expect(done.take())
    }
}
