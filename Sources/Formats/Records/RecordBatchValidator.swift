import Bytes
import Model

/// What a topic takes.
public struct ProduceRules: Sendable {
    /// The topic's `max.message.bytes`.
    public var maxBatchByteCount = 1_048_588
    /// What the records of one batch may decompress to.
    public var maxUncompressedByteCount = 64 << 20
    /// The topic compacts, so each record needs a key.
    public var requiresKeys = false
    /// The times it takes, in milliseconds; nil where the log gives its own.
    public var timestampsMilliseconds: ClosedRange<Int64>? = .min ... .max
    /// False for Produce requests before version 7.
    public var allowsZstd = true

    public init() {}
}

/// What the validator found out about a batch that it let pass.
public struct ValidatedBatch: Equatable, Sendable {
    public var header: RecordBatchHeader
    /// The largest time of the records, which the header may have wrong.
    public var maxTimestampMilliseconds: Int64
    /// The first record that has it.
    public var offsetDeltaOfMaxTimestamp: Int32
    /// The records, without compression.
    public var uncompressedByteCount: Int

    /// Whether ``RecordBatchPatch/setMaxTimestamp(milliseconds:in:)`` is due before storing.
    public var hasWrongMaxTimestamp: Bool {
        maxTimestampMilliseconds != header.maxTimestampMilliseconds
    }
}

/// Checks produced batches as a leader does, in Kafka's order, down to the last record.
///
/// Compressed batches are decompressed into memory of the validator, where their records stay
/// readable until the next call: ``records(ofLast:)``.
public struct RecordBatchValidator: ~Copyable {
    /// Memory kept from one batch to the next.
    private static let retainedByteCount = 4 << 20

    private var decompressor = Decompressor()
    private var scratch = GrowingBytes()

    public init() {}

    /// Checks the records of one partition of a Produce request: exactly one batch, with nothing
    /// behind it.
    public mutating func validate(
        _ bytes: RawSpan, rules: borrowing ProduceRules
    ) throws(RecordBatchFault) -> ValidatedBatch {
        let batch = try Self.checkStructure(bytes)
        let header = batch.header
        guard let compression = header.compression else {
            throw .unknownCompression(header.attributes.compressionNumber)
        }
        if compression == .zstd, !rules.allowsZstd { throw .zstdNotAllowed }
        guard header.baseOffset.value == 0 else {
            throw .baseOffsetNotZero(header.baseOffset.value)
        }
        guard bytes.byteCount <= rules.maxBatchByteCount else {
            throw .tooLarge(byteCount: bytes.byteCount, limit: rules.maxBatchByteCount)
        }
        guard batch.hasValidCRC else { throw .badCRC }
        try Self.checkHeader(header)

        scratch.removeAll(keepingAtMost: Self.retainedByteCount)
        if compression == .none {
            return try Self.checkRecords(batch.payload, of: header, rules: rules)
        }
        do throws(CompressionError) {
            try decompressor.decompress(
                batch.payload, as: compression, into: &scratch,
                limit: rules.maxUncompressedByteCount)
        } catch {
            switch error {
            case .outputTooLarge(let limit): throw .uncompressedTooLarge(limit: limit)
            case .corrupt, .outOfMemory: throw .badCompression
            }
        }
        return try Self.checkRecords(scratch.span, of: header, rules: rules)
    }

    /// The records of the batch that was validated last, decompressed.
    @_lifetime(copy batch, borrow self)
    public func records(ofLast batch: borrowing RecordBatchView) -> RecordCursor {
        let count = Int(batch.header.recordCount)
        guard batch.header.compression == .some(.none) else {
            return RecordCursor(scratch.span, count: count)
        }
        return RecordCursor(batch.payload, count: count)
    }

    /// Calls `body` with each record of the batch that was validated last.
    public func forEachRecord(
        ofLast batch: borrowing RecordBatchView, _ body: (borrowing RecordView) throws -> Void
    ) throws {
        var records = records(ofLast: batch)
        while let record = try records.next() { try body(record) }
    }

    @_lifetime(copy bytes)
    private static func checkStructure(
        _ bytes: RawSpan
    ) throws(RecordBatchFault) -> RecordBatchView {
        guard bytes.byteCount > RecordBatchHeader.Place.magic else { throw .noBatch }
        let magic: Int8 = bytes.int(at: RecordBatchHeader.Place.magic)
        guard magic == RecordBatchHeader.currentMagic else { throw .unsupportedMagic(magic) }
        let batch: RecordBatchView
        do {
            batch = try RecordBatchView(bytes)
        } catch {
            if case .badLength(let length) = error { throw .badLength(length) }
            throw .noBatch
        }
        guard batch.bytes.byteCount == bytes.byteCount else { throw .moreThanOneBatch }
        return batch
    }

    private static func checkHeader(_ header: RecordBatchHeader) throws(RecordBatchFault) {
        let attributes = header.attributes
        guard attributes.rawValue & ~0x7F == 0, !attributes.contains(.deleteHorizon) else {
            throw .unknownAttributes(attributes.rawValue)
        }
        guard header.recordCount > 0 else { throw .badRecordCount(header.recordCount) }
        guard header.lastOffsetDelta == header.recordCount - 1 else {
            throw .badOffsetRange(
                lastOffsetDelta: header.lastOffsetDelta, recordCount: header.recordCount)
        }
        if attributes.contains(.control) { throw .controlBatch }
        if header.hasProducer {
            guard header.baseSequence >= 0, header.producerEpoch >= 0 else { throw .badProducer }
        } else if attributes.contains(.transactional) {
            throw .badProducer
        }
        if attributes.contains(.appendTime) { throw .appendTimeFromProducer }
    }

    private static func checkRecords(
        _ payload: RawSpan, of header: RecordBatchHeader, rules: borrowing ProduceRules
    ) throws(RecordBatchFault) -> ValidatedBatch {
        var maxTimestamp = Int64.min
        var offsetDeltaOfMax: Int32 = 0
        var index: Int32 = 0
        do {
            var records = RecordCursor(payload, count: Int(header.recordCount))
            while let record = try records.next() {
                try check(record, at: index, of: header, rules: rules)
                let timestamp = header.baseTimestampMilliseconds &+ record.timestampDelta
                if timestamp > maxTimestamp || index == 0 {
                    maxTimestamp = timestamp
                    offsetDeltaOfMax = index
                }
                index += 1
            }
        } catch let fault as RecordBatchFault.RecordFault {
            throw .badRecord(index: Int(index), fault)
        } catch {
            throw .badRecord(index: Int(min(index, header.recordCount - 1)), .malformed)
        }
        return ValidatedBatch(
            header: header, maxTimestampMilliseconds: maxTimestamp,
            offsetDeltaOfMaxTimestamp: offsetDeltaOfMax, uncompressedByteCount: payload.byteCount)
    }

    private static func check(
        _ record: borrowing RecordView, at index: Int32, of header: RecordBatchHeader,
        rules: borrowing ProduceRules
    ) throws {
        typealias Fault = RecordBatchFault.RecordFault
        guard record.offsetDelta == index else { throw Fault.offsetDeltaNotConsecutive }
        if rules.requiresKeys, record.key == nil { throw Fault.keyMissing }
        if let range = rules.timestampsMilliseconds {
            let timestamp = header.baseTimestampMilliseconds &+ record.timestampDelta
            guard range.contains(timestamp) else { throw Fault.timestampOutOfRange }
        }
        if record.headers.count == 0, record.headers.bytes.byteCount == 0 { return }
        var headers = record.headers.makeCursor()
        while let header = try headers.next() {
            guard header.name.isUTF8 else { throw Fault.headerNameNotText }
        }
    }
}
