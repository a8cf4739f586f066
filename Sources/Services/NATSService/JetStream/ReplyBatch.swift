import Broker
import Bytes

/// The answers of one block that say something is kept, by how surely it has to be.
struct DurableReplies: ~Copyable {
    private var onDevice = ReplyBatch()
    private var inFile = ReplyBatch()
    private var inMemory = ReplyBatch()

    var isEmpty: Bool { onDevice.isEmpty && inFile.isEmpty && inMemory.isEmpty }

    mutating func append(
        to inbox: RawSpan, when assurance: Assurance, _ body: (inout [UInt8]) -> Void
    ) {
        switch assurance {
        case .device: onDevice.append(to: inbox, body)
        case .file: inFile.append(to: inbox, body)
        case .memory: inMemory.append(to: inbox, body)
        }
    }

    mutating func append(to inbox: RawSpan, when assurance: Assurance, _ body: [UInt8]) {
        append(to: inbox, when: assurance) { $0.append(contentsOf: body) }
    }

    /// Hands out the answers of each kind that there are.
    mutating func takeAll(_ body: (_ replies: ReplyBatch, _ assurance: Assurance) -> Void) {
        if !inMemory.isEmpty { body(inMemory.take(), .memory) }
        if !inFile.isEmpty { body(inFile.take(), .file) }
        if !onDevice.isEmpty { body(onDevice.take(), .device) }
    }
}

/// Answers on their way, in one piece of memory.
struct ReplyBatch: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [(inbox: Int, body: Int)] = []

    var isEmpty: Bool { ends.isEmpty }
    var count: Int { ends.count }

    /// Hands out what it has, and makes room for as much again.
    mutating func take() -> ReplyBatch {
        var next = ReplyBatch()
        next.bytes.reserveCapacity(bytes.count)
        next.ends.reserveCapacity(ends.count)
        swap(&next, &self)
        return next
    }

    mutating func append(to inbox: RawSpan, _ body: (inout [UInt8]) -> Void) {
        guard inbox.byteCount > 0 else { return }
        bytes.append(copying: inbox)
        let inboxEnd = bytes.count
        body(&bytes)
        ends.append((inboxEnd, bytes.count))
    }

    func send(by routing: NATSRouter) {
        let all = bytes.span.bytes
        var start = 0
        for end in ends {
            routing.publish(
                subject: all.extracting(start..<end.inbox), reply: nil, headers: nil,
                payload: all.extracting(end.inbox..<end.body))
            start = end.body
        }
    }
}
