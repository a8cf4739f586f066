import Bytes
import Model

/// Writes a stored batch anew without some of its records.
///
/// As with Kafka's log cleaner, what is left keeps its offsets, times and headers, and the batch its range of offsets, its
/// producer, its sequence, its codec and its flags. A batch of which nothing is left can stay, without records, for the
/// offsets that it stands for.
///
/// Source: Kafka documentation, "Log Compaction" and "Record Batch"; KIP-534 for the delete horizon.
public struct RecordBatchRewriter: ~Copyable {
    public enum Outcome: Equatable, Sendable {
        /// Every record is kept: the batch stays as it is, byte for byte.
        case unchanged
        case changed([UInt8])
        /// No record is left, and nothing stands for it.
        case nothing
    }

    /// How a batch is to be written.
    public struct Rules: Sendable {
        /// A batch without a record left stays for the offsets that it stands for.
        public var keepsEmpty = false
        /// Batches that keep a tombstone, and do not say yet from when on it may go, say this, in milliseconds since 1970.
        public var deleteHorizonMilliseconds: Int64?

        public init(keepsEmpty: Bool = false, deleteHorizonMilliseconds: Int64? = nil) {
            self.keepsEmpty = keepsEmpty
            self.deleteHorizonMilliseconds = deleteHorizonMilliseconds
        }
    }

    private var decompressor = Decompressor()
    private var scratch = GrowingBytes()

    /// What a batch that was validated when it was stored may decompress to.
    private static let byteLimit = 128 << 20
    /// Memory kept from one batch to the next.
    private static let retainedByteCount = 4 << 20

    public init() {}

    /// - Parameter isKept: asked for each record in order. Control batches are kept without asking.
    /// - Throws: where the bytes are no valid batch, and what `isKept` throws.
    public mutating func rewrite(
        _ bytes: RawSpan, _ rules: Rules,
        isKept: (_ batch: borrowing RecordBatchView, _ record: borrowing RecordView) throws -> Bool
    ) throws -> Outcome {
        let batch = try RecordBatchView(bytes)
        let header = batch.header
        if header.attributes.contains(.control) { return .unchanged }
        if header.recordCount == 0 { return rules.keepsEmpty ? .unchanged : .nothing }
        guard let compression = header.compression else {
            throw MalformedBytes.badLength(header.attributes.compressionNumber)
        }
        if compression != .none {
            scratch.removeAll(keepingAtMost: Self.retainedByteCount)
            try decompressor.decompress(
                batch.payload, as: compression, into: &scratch, limit: Self.byteLimit)
        }
        let count = Int(header.recordCount)
        let hasHorizon = header.attributes.contains(.deleteHorizon)
        var identity = RecordBatchBuilder.Identity(header)
        if let horizon = rules.deleteHorizonMilliseconds, !hasHorizon {
            identity.attributes.insert(.deleteHorizon)
            identity.baseTimestampMilliseconds = horizon
        }
        var builder = RecordBatchBuilder(capacity: bytes.byteCount)
        builder.begin(identity)
        let keepsTombstone: Bool
        if compression == .none {
            keepsTombstone = try Self.copy(batch.payload, of: batch, into: &builder, where: isKept)
        } else {
            keepsTombstone = try Self.copy(scratch.span, of: batch, into: &builder, where: isKept)
        }
        let setsHorizon = keepsTombstone && !hasHorizon && rules.deleteHorizonMilliseconds != nil
        if builder.recordCount == count, !setsHorizon { return .unchanged }
        if builder.isEmpty, !rules.keepsEmpty { return .nothing }
        if rules.deleteHorizonMilliseconds != nil, !hasHorizon, !setsHorizon {
            // It was written for a tombstone that did not come.
            return try rewrite(bytes, Rules(keepsEmpty: rules.keepsEmpty), isKept: isKept)
        }
        builder.seal(lastOffset: header.lastOffset)
        return .changed(Self.compressed(builder.bytes, as: builder.isEmpty ? .none : compression))
    }

    /// - Returns: whether there is a tombstone among those that were copied.
    private static func copy(
        _ payload: RawSpan, of batch: borrowing RecordBatchView,
        into builder: inout RecordBatchBuilder,
        where isKept: (_ batch: borrowing RecordBatchView, _ record: borrowing RecordView) throws -> Bool
    ) throws -> Bool {
        var keepsTombstone = false
        var records = RecordCursor(payload, count: Int(batch.header.recordCount))
        while let record = try records.next() {
            guard try isKept(batch, record) else { continue }
            if record.value == nil { keepsTombstone = true }
            builder.append(record, of: batch)
        }
        return keepsTombstone
    }

    /// The finished batch with its records compressed, or as it is where the codec has no memory.
    private static func compressed(_ plain: RawSpan, as compression: Compression) -> [UInt8] {
        if compression == .none { return Array(copying: plain) }
        var output = GrowingBytes(capacity: plain.byteCount)
        output.append(plain.extracting(0..<RecordBatchHeader.byteCount))
        do throws(CompressionError) {
            try compression.compress(plain.from(RecordBatchHeader.byteCount), into: &output)
        } catch {
            return Array(copying: plain)
        }
        typealias Place = RecordBatchHeader.Place
        let attributes: Int16 = plain.int(at: Place.attributes)
        output.patch(attributes | Int16(compression.rawValue), at: Place.attributes)
        output.patch(Int32(output.count - RecordBatchHeader.lengthOverhead), at: Place.length)
        output.patch(crc32c(output.span.from(Place.attributes)), at: Place.crc)
        return Array(copying: output.span)
    }
}
