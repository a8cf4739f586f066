import Bytes
import Model

/// The 61 bytes in front of a batch's records, decoded.
///
///      0  8  base offset                  set by the leader
///      8  4  length                       of all that follows this field
///     12  4  partition leader epoch       set by the leader
///     16  1  magic                        2
///     17  4  CRC-32C                      over byte 21 to the end
///     21  2  attributes
///     23  4  last offset delta
///     27  8  base timestamp               milliseconds
///     35  8  max timestamp                milliseconds
///     43  8  producer id                  -1 none
///     51  2  producer epoch               -1 none
///     53  4  base sequence                -1 none
///     57  4  record count
///
/// The first three lie before the CRC, so a leader sets them without touching it.
/// Source: Kafka documentation, "Record Batch".
public struct RecordBatchHeader: Equatable, Sendable {
    public static let byteCount = 61
    /// Base offset and length: what the length field does not count.
    public static let lengthOverhead = 12
    public static let currentMagic: Int8 = 2

    /// Where the fields start that are read or written on their own.
    enum Place {
        static let baseOffset = 0
        static let length = 8
        static let leaderEpoch = 12
        static let magic = 16
        static let crc = 17
        static let attributes = 21
        static let lastOffsetDelta = 23
        static let baseTimestamp = 27
        static let maxTimestamp = 35
        static let producerID = 43
        static let producerEpoch = 51
        static let baseSequence = 53
        static let recordCount = 57
    }

    public var baseOffset: Offset
    /// As the field says: without the first 12 bytes.
    public var length: Int32
    public var leaderEpoch: Int32
    public var magic: Int8
    public var crc: UInt32
    public var attributes: RecordBatchAttributes
    public var lastOffsetDelta: Int32
    public var baseTimestampMilliseconds: Int64
    public var maxTimestampMilliseconds: Int64
    public var producerID: ProducerID
    public var producerEpoch: Int16
    public var baseSequence: Int32
    public var recordCount: Int32

    /// Reads the header at the start of `bytes`.
    ///
    /// - Throws: `truncated` where there are fewer than 61 bytes. No field's value is judged.
    public init(_ bytes: RawSpan) throws(MalformedBytes) {
        guard bytes.byteCount >= Self.byteCount else { throw .truncated }
        baseOffset = Offset(bytes.int(at: Place.baseOffset))
        length = bytes.int(at: Place.length)
        leaderEpoch = bytes.int(at: Place.leaderEpoch)
        magic = bytes.int(at: Place.magic)
        crc = bytes.int(at: Place.crc)
        attributes = RecordBatchAttributes(rawValue: bytes.int(at: Place.attributes))
        lastOffsetDelta = bytes.int(at: Place.lastOffsetDelta)
        baseTimestampMilliseconds = bytes.int(at: Place.baseTimestamp)
        maxTimestampMilliseconds = bytes.int(at: Place.maxTimestamp)
        producerID = ProducerID(bytes.int(at: Place.producerID))
        producerEpoch = bytes.int(at: Place.producerEpoch)
        baseSequence = bytes.int(at: Place.baseSequence)
        recordCount = bytes.int(at: Place.recordCount)
    }

    /// The offset of the batch's last place; that record itself may be gone after compaction.
    public var lastOffset: Offset { Offset(baseOffset.value &+ Int64(lastOffsetDelta)) }
    /// The first offset behind the batch.
    public var nextOffset: Offset { Offset(lastOffset.value &+ 1) }
    /// How many bytes the whole batch takes.
    public var batchByteCount: Int { Int(length) + Self.lengthOverhead }
    public var compression: Compression? { attributes.compression }
    public var hasProducer: Bool { producerID.value >= 0 }

    /// The sequence of the last record, which wraps behind 2^31 - 1 to 0; -1 without a producer.
    public var lastSequence: Int32 {
        guard baseSequence >= 0 else { return -1 }
        return (baseSequence &+ lastOffsetDelta) & Int32.max
    }
}

/// What a batch says of itself in one word: bits 0-2 codec, 3 append time, 4 transactional, 5
/// control, 6 delete horizon set.
public struct RecordBatchAttributes: OptionSet, Hashable, Sendable {
    public var rawValue: Int16

    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// The codec's number, without other attributes.
    public init(_ compression: Compression) { rawValue = Int16(compression.rawValue) }

    /// All records carry the log's append time, `maxTimestamp`.
    public static let appendTime = RecordBatchAttributes(rawValue: 1 << 3)
    public static let transactional = RecordBatchAttributes(rawValue: 1 << 4)
    /// Holds a transaction marker, never shown to applications.
    public static let control = RecordBatchAttributes(rawValue: 1 << 5)
    /// The base timestamp is the time from which tombstones may go.
    public static let deleteHorizon = RecordBatchAttributes(rawValue: 1 << 6)

    /// The codec of the records; nil for a number that no codec has.
    public var compression: Compression? { Compression(rawValue: UInt8(rawValue & 0x07)) }
    public var compressionNumber: Int { Int(rawValue & 0x07) }
}
