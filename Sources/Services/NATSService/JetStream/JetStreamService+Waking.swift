import Broker
import Catalog
import JetStreamAPI
import Model

/// Streams whose messages are being read for JetStream's view of them: what depends on that waits, in the order in which it came.
///
/// What waits is kept as it was captured, and read once more when the view is there. By then a stream may be gone; it is answered
/// as if it had come then.
extension JetStreamService {
    /// The log that a request is about, where its view is not there yet.
    ///
    /// - Parameter tokens: what follows `$JS.API.`
    func awaitedLog(of tokens: [String]) -> PartitionLog? {
        guard let name = streamName(in: tokens), let id = broker.catalog.log(streamName: name, in: current.name),
            let log = broker.log(id), log.view == nil
        else { return nil }
        // What cannot be read is told by whoever tries.
        guard (try? broker.wake(log)) == false else { return nil }
        return log
    }

    /// The stream whose messages an API request needs to know; nil for none.
    private func streamName(in tokens: [String]) -> String? {
        func token(_ place: Int) -> String? { tokens.indices.contains(place) ? tokens[place] : nil }
        switch (token(0), token(1)) {
        case ("STREAM", "CREATE"), ("STREAM", "UPDATE"), ("STREAM", "INFO"), ("STREAM", "PURGE"): return token(2)
        case ("STREAM", "MSG"), ("CONSUMER", "DURABLE"): return token(3)
        case ("CONSUMER", "MSG"):
            // There is a consumer only where there is a view; but its creation may be waiting.
            guard !held.isEmpty, let name = token(3), let id = broker.catalog.log(streamName: name, in: current.name)
            else { return nil }
            return held.hasSome(for: id) ? name : nil
        case ("CONSUMER", _), ("DIRECT", "GET"): return token(2)
        default: return nil
        }
    }

    /// Keeps a message until the view of `log` is there.
    ///
    /// - Returns: false where there is too much already.
    func hold(_ message: borrowing CapturedMessage, for log: PartitionLog) -> Bool {
        let isFirst = !held.hasSome(for: log.id)
        guard held.append(message, of: current.routing, for: log.id) else { return false }
        if isFirst { broker.whenAwake(log) { [unowned self] in release(log.id) } }
        return true
    }

    private func release(_ log: LogID) {
        if let block = held.take(log) { received(block) }
    }
}

/// Copies of messages that wait, by the log that they wait for.
struct HeldMessages {
    /// All of them together take no more than this.
    static let byteLimit = 8 << 20
    /// What a message takes beside its bytes.
    private static let overhead = 128

    private var blocks: [LogID: CapturedBlock] = [:]
    private var byteCount = 0

    var isEmpty: Bool { blocks.isEmpty }

    func hasSome(for log: LogID) -> Bool { blocks[log] != nil }

    /// - Returns: false where there is no room.
    mutating func append(_ message: borrowing CapturedMessage, of account: AccountRouting, for log: LogID) -> Bool {
        let more = message.byteCount + Self.overhead
        guard byteCount + more <= Self.byteLimit else { return false }
        let block = blocks[log] ?? CapturedBlock(loopIndex: 0, account: account)
        block.append(message)
        blocks[log] = block
        byteCount += more
        return true
    }

    mutating func take(_ log: LogID) -> CapturedBlock? {
        guard let block = blocks.removeValue(forKey: log) else { return nil }
        byteCount -= block.byteCount + block.count * Self.overhead
        return block
    }
}

extension CapturedMessage {
    fileprivate var byteCount: Int {
        subject.byteCount + reply.byteCount + headers.byteCount + payload.byteCount + client.byteCount
    }
}
