/// Why a produced batch is not stored. Each has its Kafka error code.
public enum RecordBatchFault: Error, Equatable, Sendable {
    /// No complete batch is there.
    case noBatch
    /// Behind the batch comes another one, or something else.
    case moreThanOneBatch
    /// Not the record batches of Kafka 0.11 and later.
    case unsupportedMagic(Int8)
    /// The length field leaves no room for the header.
    case badLength(Int)
    case unknownCompression(Int)
    /// The request is of a version that may not carry zstd.
    case zstdNotAllowed
    case baseOffsetNotZero(Int64)
    case tooLarge(byteCount: Int, limit: Int)
    case badCRC
    case badRecordCount(Int32)
    /// The last offset delta and the record count don't fit together.
    case badOffsetRange(lastOffsetDelta: Int32, recordCount: Int32)
    case controlBatch
    /// A producer id without a base sequence, or a transaction without a producer id.
    case badProducer
    /// Only the broker may say that a batch carries append times.
    case appendTimeFromProducer
    case unknownAttributes(Int16)
    /// The records do not decompress.
    case badCompression
    /// The records are larger than the limit once decompressed.
    case uncompressedTooLarge(limit: Int)
    /// One record is wrong; `index` counts from 0.
    case badRecord(index: Int, RecordFault)

    public enum RecordFault: Error, Equatable, Sendable {
        /// Lengths that don't fit together, or bytes left over.
        case malformed
        case offsetDeltaNotConsecutive
        /// The topic compacts, and the record has no key.
        case keyMissing
        /// The time is outside of what the topic takes.
        case timestampOutOfRange
        /// A header's name is not UTF-8.
        case headerNameNotText
    }

    /// The code in Kafka's table of errors.
    public var kafkaErrorCode: Int16 {
        switch self {
        case .badLength, .badCRC, .badCompression: 2  // CORRUPT_MESSAGE
        case .tooLarge, .uncompressedTooLarge: 10  // MESSAGE_TOO_LARGE
        case .appendTimeFromProducer, .badRecord(_, .timestampOutOfRange): 32  // INVALID_TIMESTAMP
        case .unknownCompression, .zstdNotAllowed: 76  // UNSUPPORTED_COMPRESSION_TYPE
        case .noBatch, .moreThanOneBatch, .unsupportedMagic, .baseOffsetNotZero, .badRecordCount,
            .badOffsetRange, .controlBatch, .badProducer, .unknownAttributes, .badRecord:
            87  // INVALID_RECORD
        }
    }

    /// The index of the record at fault, for the answer's `record_errors`.
    public var recordIndex: Int? {
        if case .badRecord(let index, _) = self { index } else { nil }
    }
}

extension RecordBatchFault: CustomStringConvertible {
    /// What the producer is told.
    public var description: String {
        switch self {
        case .noBatch: "no complete record batch"
        case .moreThanOneBatch: "more than one record batch for a partition"
        case .unsupportedMagic(let magic): "record batch magic \(magic), only 2 is taken"
        case .badLength(let length): "record batch length \(length)"
        case .unknownCompression(let number): "unknown compression type \(number)"
        case .zstdNotAllowed: "zstd needs Produce version 7 or later"
        case .baseOffsetNotZero(let offset): "base offset \(offset), a producer sends 0"
        case .tooLarge(let byteCount, let limit):
            "record batch of \(byteCount) bytes, limit \(limit)"
        case .badCRC: "record batch checksum is wrong"
        case .badRecordCount(let count): "record count \(count)"
        case .badOffsetRange(let delta, let count):
            "last offset delta \(delta) for \(count) records"
        case .controlBatch: "clients may not produce control batches"
        case .badProducer: "producer id, epoch and sequence don't fit together"
        case .appendTimeFromProducer: "a producer may not set the append time bit"
        case .unknownAttributes(let attributes): "unknown attribute bits in \(attributes)"
        case .badCompression: "records do not decompress"
        case .uncompressedTooLarge(let limit): "records decompress to more than \(limit) bytes"
        case .badRecord(let index, let fault): "record \(index): \(fault)"
        }
    }
}

extension RecordBatchFault.RecordFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed: "malformed"
        case .offsetDeltaNotConsecutive: "offset delta is not consecutive"
        case .keyMissing: "a compacted topic takes no record without a key"
        case .timestampOutOfRange: "timestamp is out of range"
        case .headerNameNotText: "header name is not UTF-8"
        }
    }
}
