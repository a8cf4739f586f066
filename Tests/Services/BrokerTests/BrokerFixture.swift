import Broker
import Bytes
import Glibc
import JetStreamAPI
import Logging
import Model
import Records
import Storage
import Testing
import Transport

/// A broker on a loop of its own, with a data folder that is gone after the test.
final class BrokerFixture: @unchecked Sendable {
    let folder: String
    private var group: EventLoopGroup
    private var wal: WriteAheadLog
    private(set) var broker: Broker

    init() throws {
        var template = Array("/tmp/duolog-broker-XXXXXX".utf8CString)
        folder = template.withUnsafeMutableBufferPointer { buffer in
            String(cString: mkdtemp(buffer.baseAddress!))
        }
        (group, wal, broker) = try Self.open(folder)
    }

    private static func open(
        _ folder: String
    ) throws -> (EventLoopGroup, WriteAheadLog, Broker) {
        let group = try EventLoopGroup(loopCount: 1)
        let wal = try WriteAheadLog(directory: folder)
        let broker = Broker(
            loop: group.loops[0], wal: wal, options: BrokerOptions(), log: Logger(label: "test"))
        _ = try broker.recover()
        group.start()
        group.loops[0].post { broker.start() }
        return (group, wal, broker)
    }

    /// Ends the broker and opens its data folder again.
    func restart() throws {
        close()
        (group, wal, broker) = try Self.open(folder)
    }

    func close() {
        group.stop()
        wal.close()
    }

    func remove() {
        close()
        _ = system("rm -rf '\(folder)'")
    }

    /// Runs `body` on the loop and waits until what it decided is durable.
    func durably<Result: Sendable>(
        _ body: @escaping @Sendable (Broker) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let broker = broker
            broker.loop.post {
                do {
                    let result = try body(broker)
                    broker.whenDurable { continuation.resume(returning: result) }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

/// A batch as a producer sends it.
func producedBatch(_ records: [(key: String?, value: String?)], headers: [RecordHeader] = []) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for record in records {
        builder.append(
            key: record.key.map { Array($0.utf8) }, value: record.value.map { Array($0.utf8) },
            headers: headers, timestampMilliseconds: 1_000)
    }
    builder.seal()
    return Array(copying: builder.bytes)
}
