import Bytes
public import Model

/// One batch that a log has stored: what is known of it without reading it.
public struct StoredBatch: Hashable, Sendable {
    public var log: LogID
    public var baseOffset: Offset
    public var lastOffset: Offset
    public var byteCount: Int
    public var appendTime: Timestamp
    /// The largest record timestamp, in milliseconds as Kafka stores it.
    public var maxTimestampMilliseconds: Int64
    /// Where its bytes are. Holds as long as the caller does not give way to background work:
    /// see ``LogStore/applyBackgroundWork()``.
    var place: Place

    enum Place: Hashable, Sendable {
        case writeAheadLog(WALPosition)
    }
}

/// What Storage reads of a batch itself; the rest of it is none of its business.
/// Source: Kafka documentation, "Record Batch".
enum BatchField {
    /// i64, milliseconds.
    static let maxTimestamp = 35
    /// In front of the records.
    static let headerByteCount = 61

    /// -1 for bytes that are too few to be a batch.
    static func maxTimestamp(of bytes: RawSpan) -> Int64 {
        guard bytes.byteCount >= headerByteCount else { return -1 }
        return bytes.int(at: maxTimestamp, as: Int64.self)
    }
}
