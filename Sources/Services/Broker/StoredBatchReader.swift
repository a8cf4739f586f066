import Bytes
import Model
import Records
import Storage

/// Walks the records of stored batches; keeps the memory for decompressing them.
struct StoredBatchReader: ~Copyable {
    private var decompressor = Decompressor()
    private var scratch = GrowingBytes()

    /// What a batch that was validated when it was stored may decompress to.
    private static let byteLimit = 128 << 20

    /// Calls `body` for each record of one stored batch.
    ///
    /// - Throws: where the stored bytes are not a valid batch, which is damage; and what `body` throws.
    mutating func forEachRecord(
        of bytes: RawSpan,
        _ body: (_ batch: borrowing RecordBatchView, _ record: borrowing RecordView) throws -> Void
    ) throws {
        let batch = try RecordBatchView(bytes)
        let count = Int(batch.header.recordCount)
        guard let compression = batch.header.compression else {
            throw MalformedBytes.badLength(batch.header.attributes.compressionNumber)
        }
        if batch.header.attributes.contains(.control) { return }
        if compression == .none {
            var records = RecordCursor(batch.payload, count: count)
            while let record = try records.next() { try body(batch, record) }
        } else {
            scratch.removeAll(keepingAtMost: 1 << 20)
            try decompressor.decompress(
                batch.payload, as: compression, into: &scratch, limit: Self.byteLimit)
            var records = RecordCursor(scratch.span, count: count)
            while let record = try records.next() { try body(batch, record) }
        }
    }

    /// The records of one stored batch, uncompressed.
    ///
    /// - Throws: where the stored bytes are not a valid batch, which is damage.
    mutating func records(of bytes: RawSpan) throws -> [UInt8] {
        let batch = try RecordBatchView(bytes)
        guard let compression = batch.header.compression else {
            throw MalformedBytes.badLength(batch.header.attributes.compressionNumber)
        }
        scratch.removeAll(keepingAtMost: 1 << 20)
        try decompressor.decompress(batch.payload, as: compression, into: &scratch, limit: Self.byteLimit)
        return Array(copying: scratch.span)
    }
}
