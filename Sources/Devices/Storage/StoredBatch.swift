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
    /// Where its bytes were when it was found.
    var place: Place

    /// Where in its file its bytes, or its frame, began when it was found.
    public var offsetInFile: Int {
        switch place {
        case .writeAheadLog(let position): position.offset
        case .segment(_, let offset, _): offset
        }
    }

    enum Place: Hashable, Sendable {
        case writeAheadLog(WALPosition)
        case segment(file: UInt64, offset: Int, checksum: UInt32)
    }
}

extension StoredBatch {
    init(_ entry: LogTail.Entry, of log: LogID) {
        self.init(
            log: log, baseOffset: entry.baseOffset, lastOffset: entry.lastOffset,
            byteCount: Int(entry.byteCount), appendTime: entry.appendTime,
            maxTimestampMilliseconds: entry.maxTimestampMilliseconds,
            place: .writeAheadLog(entry.position))
    }

    init(_ entry: SegmentPage.Entry, of segment: SegmentDescriptor) {
        self.init(
            log: segment.log, baseOffset: entry.baseOffset, lastOffset: entry.lastOffset,
            byteCount: entry.byteCount, appendTime: entry.appendTime,
            maxTimestampMilliseconds: entry.maxTimestampMilliseconds,
            place: .segment(
                file: segment.file, offset: entry.dataOffset, checksum: entry.checksum))
    }
}

/// What Storage reads of a batch itself; the rest of it is none of its business.
/// Source: Kafka documentation, "Record Batch".
enum BatchField {
    /// i32, of all that follows it.
    static let length = 8
    /// u32, over all behind byte 21.
    static let checksum = 17
    /// i16, in bits.
    static let attributes = 21
    /// i32.
    static let lastOffsetDelta = 23
    /// i64, milliseconds.
    static let maxTimestamp = 35
    /// i64.
    static let producerID = 43
    /// In front of the records.
    static let headerByteCount = 61

    /// -1 for bytes that are too few to be a batch.
    static func maxTimestamp(of bytes: RawSpan) -> Int64 {
        guard bytes.byteCount >= headerByteCount else { return -1 }
        return bytes.int(at: maxTimestamp, as: Int64.self)
    }

    /// How long a batch says it is. `bytes` has its header at least.
    static func byteCount(of bytes: RawSpan) -> Int {
        Int(bytes.int(at: length, as: Int32.self)) + length + 4
    }

    static func isIntact(_ bytes: RawSpan) -> Bool {
        bytes.byteCount >= headerByteCount
            && crc32c(bytes.extracting(21..<bytes.byteCount))
                == bytes.int(at: checksum, as: UInt32.self)
    }
}
