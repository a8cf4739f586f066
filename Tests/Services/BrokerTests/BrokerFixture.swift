import Broker
import Bytes
import Glibc
import JetStreamAPI
import Logging
import Model
import Records
import Storage
import TemporaryFolders
import Testing
import Transport

/// A broker on a loop of its own, with a data folder that is gone after the test.
final class BrokerFixture: @unchecked Sendable {
    private let temporary = TemporaryFolder()
    var folder: String { temporary.path }
    private var group: EventLoopGroup
    private(set) var store: LogStore
    private(set) var broker: Broker
    /// What the last start found.
    private(set) var summary: RecoverySummary
    private let options: BrokerOptions
    private let storeOptions: LogStore.Options

    init(_ options: BrokerOptions = BrokerOptions(), store storeOptions: LogStore.Options = .init()) throws {
        self.options = options
        self.storeOptions = storeOptions
        (group, store, broker, summary) = try Self.open(temporary.path, options, storeOptions)
    }

    private static func open(
        _ folder: String, _ options: BrokerOptions, _ storeOptions: LogStore.Options
    ) throws -> (EventLoopGroup, LogStore, Broker, RecoverySummary) {
        let group = try EventLoopGroup(loopCount: 1)
        let store = try LogStore(directory: folder, options: storeOptions)
        let broker = Broker(
            loop: group.loops[0], store: store, options: options, log: Logger(label: "test"))
        let summary = try broker.recover()
        group.start()
        group.loops[0].post { broker.start() }
        return (group, store, broker, summary)
    }

    /// Ends the broker and opens its data folder again.
    ///
    /// - Parameter isClean: whether it says all that it knows, as a server does that is asked to stop.
    func restart(isClean: Bool = true, between change: () throws -> Void = {}) throws {
        close(isClean: isClean)
        try change()
        (group, store, broker, summary) = try Self.open(folder, options, storeOptions)
    }

    func close(isClean: Bool = true) {
        group.stop()
        if isClean { broker.finish() }
        store.close()
    }

    func remove() {
        close()
        temporary.remove()
    }

    /// Runs `body` on the loop and waits until what it decided is durable.
    func durably<Result: Sendable>(
        _ body: @escaping @Sendable (Broker) throws -> Result
    ) async throws -> Result {
        try await keeping(.device, body)
    }

    /// Waits until a log has its JetStream view.
    ///
    /// - Throws: why it cannot have one.
    func wake(_ find: @escaping @Sendable (Broker) throws -> PartitionLog) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let broker = broker
            broker.loop.post {
                do {
                    let log = try find(broker)
                    _ = try broker.wake(log)
                    broker.whenAwake(log) { continuation.resume(with: Result { _ = try broker.wake(log) }) }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    /// Runs `body` on the loop and waits until what it decided is kept so surely.
    func keeping<Result: Sendable>(
        _ assurance: Assurance, _ body: @escaping @Sendable (Broker) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let broker = broker
            broker.loop.post {
                do {
                    let result = try body(broker)
                    broker.whenDurable(assurance) { continuation.resume(returning: result) }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

/// A batch as a producer sends it now: one of 1970 would go by retention.
func producedBatch(_ records: [(key: String?, value: String?)], headers: [RecordHeader] = []) -> [UInt8] {
    var builder = RecordBatchBuilder()
    for record in records {
        builder.append(
            key: record.key.map { Array($0.utf8) }, value: record.value.map { Array($0.utf8) },
            headers: headers, timestampMilliseconds: Int64(time(nil)) * 1_000)
    }
    builder.seal()
    return Array(copying: builder.bytes)
}
