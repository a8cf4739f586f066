import Bytes
public import Model

/// A run of batches of one log in a segment file: what is known of it without opening the file.
///
/// Immutable; what is rewritten becomes another segment. The range of offsets that it stands for
/// stays when batches at its ends are dropped.
///
/// As it stands in the manifest and in the directory of its file, 80 bytes, big endian:
///
///      0  u32  log id
///      4  u32  batch count
///      8  i64  base offset
///     16  i64  last offset
///     24  u64  where in the file the batches begin
///     32  u64  how many bytes the batches have
///     40  u64  where in the file the index begins
///     48  u32  how many bytes the index has
///     52  u32  how many pages it has
///     56  i64  append time of the first batch, nanoseconds since 1970
///     64  i64  largest append time
///     72  i64  largest record timestamp, milliseconds
public struct SegmentDescriptor: Hashable, Sendable {
    static let byteCountOnDisk = 80

    /// The number of the file that it is in.
    public var file: UInt64
    public var log: LogID
    public var baseOffset: Offset
    public var lastOffset: Offset
    public var batchCount = 0
    /// Of the batches, without the index.
    public var byteCount = 0
    public var firstAppendTime = Timestamp(nanoseconds: 0)
    public var maxAppendTime = Timestamp(nanoseconds: .min)
    public var maxTimestampMilliseconds = Int64.min
    var dataOffset = 0
    var indexOffset = 0
    var indexByteCount = 0
    var pageCount = 0

    var dataEnd: Int { dataOffset + byteCount }
    /// With its index and its place in the directory.
    var byteCountInFile: Int { byteCount + indexByteCount + Self.byteCountOnDisk }

    init(file: UInt64, log: LogID, baseOffset: Offset, dataOffset: Int) {
        self.file = file
        self.log = log
        self.baseOffset = baseOffset
        lastOffset = baseOffset
        self.dataOffset = dataOffset
    }

    func write(to writer: inout ByteWriter) {
        writer.int(log.value)
        writer.int(UInt32(batchCount))
        writer.int(baseOffset.value)
        writer.int(lastOffset.value)
        writer.int(UInt64(dataOffset))
        writer.int(UInt64(byteCount))
        writer.int(UInt64(indexOffset))
        writer.int(UInt32(indexByteCount))
        writer.int(UInt32(pageCount))
        writer.int(firstAppendTime.nanoseconds)
        writer.int(maxAppendTime.nanoseconds)
        writer.int(maxTimestampMilliseconds)
    }

    init(file: UInt64, _ reader: inout ByteReader) throws(MalformedBytes) {
        self.file = file
        log = LogID(try reader.int())
        batchCount = Int(try reader.int(UInt32.self))
        baseOffset = Offset(try reader.int())
        lastOffset = Offset(try reader.int())
        dataOffset = Int(clamping: try reader.int(UInt64.self))
        byteCount = Int(clamping: try reader.int(UInt64.self))
        indexOffset = Int(clamping: try reader.int(UInt64.self))
        indexByteCount = Int(try reader.int(UInt32.self))
        pageCount = Int(try reader.int(UInt32.self))
        firstAppendTime = Timestamp(nanoseconds: try reader.int())
        maxAppendTime = Timestamp(nanoseconds: try reader.int())
        maxTimestampMilliseconds = try reader.int()
        let limit = 1 << 48
        guard lastOffset >= baseOffset, dataOffset < limit, byteCount < limit, indexOffset < limit,
            pageCount * SegmentPage.headByteCount <= indexByteCount
        else { throw .badLength(byteCount) }
    }
}
