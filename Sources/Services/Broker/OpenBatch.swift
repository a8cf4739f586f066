import Model
import Records

/// The NATS publishes that a log has taken in this turn, on their way to becoming one batch.
struct OpenBatch: ~Copyable {
    /// Sealed early when it gets this large, so that fetches stay small.
    static let byteLimit = 512 << 10
    /// What one batch costs in the write-ahead log beside its records, amply.
    static let overheadByteCount = 256

    var builder = RecordBatchBuilder()
    /// Nil while there is none.
    private(set) var baseOffset: Offset?

    var isOpen: Bool { baseOffset != nil }

    /// How large it is so far; nil while there is none.
    var byteCount: Int? { isOpen ? builder.byteCount : nil }

    mutating func open(at offset: Offset) {
        baseOffset = offset
        builder.begin(.init(baseOffset: offset, leaderEpoch: PartitionLog.leaderEpoch), keepingAtMost: 64 << 10)
    }

    mutating func close() { baseOffset = nil }
}
