import Bytes
import Model

/// One record batch, borrowed: its decoded header and its bytes.
///
/// That the length is right is all that is known of it; see ``RecordBatchValidator`` for the rest.
public struct RecordBatchView: ~Escapable {
    public let header: RecordBatchHeader
    /// The whole batch, and nothing behind it.
    public let bytes: RawSpan

    /// The batch that `bytes` start with; more may follow it.
    ///
    /// - Throws: `badLength` where the length field is too small for a header, `truncated` where
    ///   the bytes end before the batch does.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) throws(MalformedBytes) {
        let header = try RecordBatchHeader(bytes)
        let minimum = RecordBatchHeader.byteCount - RecordBatchHeader.lengthOverhead
        guard Int(header.length) >= minimum else { throw .badLength(Int(header.length)) }
        guard header.batchByteCount <= bytes.byteCount else { throw .truncated }
        self.header = header
        self.bytes = bytes.extracting(0..<header.batchByteCount)
    }

    /// The records behind the header, compressed or not.
    public var payload: RawSpan {
        @_lifetime(copy self) get { bytes.from(RecordBatchHeader.byteCount) }
    }

    /// Whether the checksum is that of the bytes it covers.
    public var hasValidCRC: Bool {
        crc32c(bytes.from(RecordBatchHeader.Place.attributes)) == header.crc
    }

    /// The time of a record of this batch, in milliseconds.
    public func timestampMilliseconds(of record: borrowing RecordView) -> Int64 {
        header.attributes.contains(.appendTime)
            ? header.maxTimestampMilliseconds
            : header.baseTimestampMilliseconds &+ record.timestampDelta
    }

    /// The place of a record of this batch.
    public func offset(of record: borrowing RecordView) -> Offset {
        Offset(header.baseOffset.value &+ Int64(record.offsetDelta))
    }
}

/// Walks the batches that lie back to back in a fetch answer or a WAL frame.
public struct RecordBatchCursor: ~Escapable {
    private var rest: RawSpan

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { rest = bytes }

    /// The next batch; nil behind the last.
    @_lifetime(copy self)
    public mutating func next() throws(MalformedBytes) -> RecordBatchView? {
        guard rest.byteCount > 0 else { return nil }
        let batch = try RecordBatchView(rest)
        rest = rest.from(batch.bytes.byteCount)
        return batch
    }
}
