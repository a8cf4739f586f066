import Bytes
import Synchronization
import Transport

/// A server whose connections have filters. Each is greeted with `hello\n` and echoed.
final class FilteredServer: Sendable {
    let group: EventLoopGroup
    let port: Int
    private let ends = Mutex<[End]>([])
    private let all = Mutex<[Connection]>([])

    struct End: Sendable {
        let reason: Connection.EndReason?
        let failure: FilterFailure?
        let hadHandler: Bool
    }

    init(_ plan: ConnectionPlan, loopCount: Int = 1, greets: Bool = true) throws {
        let group = try EventLoopGroup(loopCount: loopCount)
        let listener = try Listener(host: "127.0.0.1", port: 0)
        self.group = group
        port = listener.port
        listener.start(on: group.loops[0]) { [self] accepted in
            let loop = group.loops[accepted.port % loopCount]
            loop.post { [self] in
                loop.adopt(accepted, as: plan, abandoned: { [self] in note($0, false) }) {
                    [self] connection in
                    all.withLock { $0.append(connection) }
                    if greets { connection.write(Array("hello\n".utf8)) }
                    return FilteredEcho { [self] in note($0, true) }
                }
            }
        }
        group.start()
    }

    func stop() { group.stop() }

    private func note(_ connection: Connection, _ hadHandler: Bool) {
        ends.withLock {
            $0.append(
                End(
                    reason: connection.endReason, failure: connection.failure,
                    hadHandler: hadHandler))
        }
    }

    var connections: [Connection] { all.withLock { $0 } }

    /// Why connections have ended by themselves so far.
    var failures: [FilterFailure] { ends.withLock { $0.compactMap(\.failure) } }

    /// Waits for the first connection to end.
    func firstEnd() -> End? {
        for _ in 0..<600 {
            if let end = ends.withLock({ $0.first }) { return end }
            pause(milliseconds: 10)
        }
        return nil
    }
}

/// Sends everything back that ends in a line feed; `bye` ends the connection, `flood` brings more
/// than any socket takes.
private final class FilteredEcho: ConnectionHandler {
    private let end: (Connection) -> Void

    init(_ end: @escaping (Connection) -> Void) { self.end = end }

    func received(_ bytes: RawSpan, on connection: Connection) -> Int {
        let copy = [UInt8](copying: bytes)
        guard let last = copy.lastIndex(of: 10) else { return 0 }
        if copy[..<last].elementsEqual("flood".utf8) {
            for _ in 0..<64 { connection.write([UInt8](repeating: 1, count: 1 << 18)) }
            connection.write([1, 2, 3])
            return last + 1
        }
        connection.write(bytes.extracting(0..<last + 1))
        if copy[..<last].elementsEqual("bye".utf8) { connection.close(afterFlush: true) }
        return last + 1
    }

    func closed(_ connection: Connection) { end(connection) }
}
