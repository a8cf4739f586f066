import Broker
import Bytes
import JetStreamAPI

/// The answers of one block that say something is kept, by how surely it has to be.
struct DurableReplies: ~Copyable {
    private var onDevice = ReplyBatchBuilder()
    private var inFile = ReplyBatchBuilder()
    private var inMemory = ReplyBatchBuilder()

    var isEmpty: Bool { onDevice.isEmpty && inFile.isEmpty && inMemory.isEmpty }

    /// That a stream took a message.
    mutating func append(
        to inbox: RawSpan, when assurance: Assurance, _ acks: borrowing PubAckWriter, sequence: UInt64,
        isDuplicate: Bool = false
    ) {
        let byteCount = acks.byteCount(sequence: sequence, isDuplicate: isDuplicate)
        append(to: inbox, when: assurance, byteCount: byteCount) {
            acks.write(sequence: sequence, isDuplicate: isDuplicate, to: &$0)
        }
    }

    mutating func append(to inbox: RawSpan, when assurance: Assurance, _ body: [UInt8]) {
        append(to: inbox, when: assurance, byteCount: body.count) { $0.append(body) }
    }

    @inline(__always)
    private mutating func append(
        to inbox: RawSpan, when assurance: Assurance, byteCount: Int, _ write: (inout GrowingBytes) -> Void
    ) {
        switch assurance {
        case .device: onDevice.append(to: inbox, byteCount: byteCount, write)
        case .file: inFile.append(to: inbox, byteCount: byteCount, write)
        case .memory: inMemory.append(to: inbox, byteCount: byteCount, write)
        }
    }

    /// Hands out the answers of each kind that there are.
    mutating func takeAll(_ body: (_ replies: ReplyBatch, _ assurance: Assurance) -> Void) {
        if !inMemory.isEmpty { body(inMemory.take(), .memory) }
        if !inFile.isEmpty { body(inFile.take(), .file) }
        if !onDevice.isEmpty { body(onDevice.take(), .device) }
    }
}
