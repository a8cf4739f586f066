import Bytes
import Model

/// The index of a segment comes in pages of up to 64 batches. Behind the last page a TransactionIndex
/// may lie; at the end the heads of all pages stand once more, end to end, to be searched by halves.
///
///      0  u32  checksum of bytes 4..<64
///      4  u32  checksum of the body
///      8  u32  byte count of head and body
///     12  u32  batch count
///     16  u64  where in the file the page is
///     24  u64  where in the file its first batch is
///     32  i64  base offset of its first batch
///     40  i64  append time of its first batch, nanoseconds since 1970
///     48  i64  largest append time in the segment up to here
///     56  i64  largest record timestamp in the segment up to here, milliseconds
///     64       body
///
/// In the body each batch has, as Kafka writes varints: uvarint places between it and the batch
/// before; uvarint last offset minus base offset; uvarint byte count; varint append time minus that
/// of the batch before (of the head, for the first); varint largest record timestamp minus its
/// append time in milliseconds; and u32, the CRC-32C of its bytes. Checksums of heads and bodies are
/// CRC-32C, continued from the file's seed.
struct SegmentPage: Sendable {
    static let headByteCount = 64
    static let batchLimit = 64

    struct Head: Equatable, Sendable {
        var byteCount = 0
        var batchCount = 0
        var offset = 0
        var dataOffset: Int
        var baseOffset: Offset
        var firstAppendTime: Timestamp
        var maxAppendTime: Timestamp
        var maxTimestampMilliseconds: Int64
        var bodyChecksum: UInt32 = 0
    }

    struct Entry: Equatable, Sendable {
        var baseOffset: Offset
        var lastOffset: Offset
        var dataOffset: Int
        var byteCount: Int
        var appendTime: Timestamp
        var maxTimestampMilliseconds: Int64
        var checksum: UInt32
    }

    var head: Head
    var entries: [Entry]

    /// The place of the first batch that ends at `offset` or behind it.
    func firstIndex(holding offset: Offset) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].lastOffset >= offset { high = middle } else { low = middle + 1 }
        }
        return low < entries.count ? low : nil
    }
}

extension SegmentPage.Head {
    /// Nil unless its checksum holds.
    init?(verifying bytes: RawSpan, seed: UInt32) {
        guard bytes.byteCount >= SegmentPage.headByteCount,
            crc32c(bytes.extracting(4..<SegmentPage.headByteCount), seed: seed)
                == bytes.int(at: 0, as: UInt32.self)
        else { return nil }
        bodyChecksum = bytes.int(at: 4, as: UInt32.self)
        byteCount = Int(bytes.int(at: 8, as: UInt32.self))
        batchCount = Int(bytes.int(at: 12, as: UInt32.self))
        offset = Int(clamping: bytes.int(at: 16, as: UInt64.self))
        dataOffset = Int(clamping: bytes.int(at: 24, as: UInt64.self))
        baseOffset = Offset(bytes.int(at: 32, as: Int64.self))
        firstAppendTime = Timestamp(nanoseconds: bytes.int(at: 40, as: Int64.self))
        maxAppendTime = Timestamp(nanoseconds: bytes.int(at: 48, as: Int64.self))
        maxTimestampMilliseconds = bytes.int(at: 56, as: Int64.self)
        guard byteCount >= SegmentPage.headByteCount, batchCount <= SegmentPage.batchLimit
        else { return nil }
    }

    func bytes(seed: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: SegmentPage.headByteCount)
        writer.int(UInt32(0))
        writer.int(bodyChecksum)
        writer.int(UInt32(byteCount))
        writer.int(UInt32(batchCount))
        writer.int(UInt64(offset))
        writer.int(UInt64(dataOffset))
        writer.int(baseOffset.value)
        writer.int(firstAppendTime.nanoseconds)
        writer.int(maxAppendTime.nanoseconds)
        writer.int(maxTimestampMilliseconds)
        writer.patch(crc32c(writer.bytes.span.bytes.extracting(4..<64), seed: seed), at: 0)
        return writer.bytes
    }
}

extension SegmentPage {
    /// The page whose head and body are `bytes`; nil unless both are what was written.
    init?(verifying bytes: RawSpan, seed: UInt32) {
        guard let head = Head(verifying: bytes, seed: seed), head.byteCount <= bytes.byteCount,
            case let body = bytes.extracting(Self.headByteCount..<head.byteCount),
            crc32c(body, seed: seed) == head.bodyChecksum,
            let entries = try? Self.entries(body, head)
        else { return nil }
        self.head = head
        self.entries = entries
    }

    private static func entries(_ body: RawSpan, _ head: Head) throws(MalformedBytes) -> [Entry] {
        var reader = ByteReader(body)
        var entries: [Entry] = []
        entries.reserveCapacity(head.batchCount)
        var next = head.baseOffset.value
        var time = head.firstAppendTime.nanoseconds
        var dataOffset = head.dataOffset
        for _ in 0..<head.batchCount {
            let base = next &+ Int64(clamping: try reader.unsignedVarint())
            let last = base &+ Int64(clamping: try reader.unsignedVarint())
            let byteCount = Int(clamping: try reader.unsignedVarint())
            time &+= try reader.varint()
            let appendTime = Timestamp(nanoseconds: time)
            let timestamp = appendTime.milliseconds &+ (try reader.varint())
            entries.append(
                Entry(
                    baseOffset: Offset(base), lastOffset: Offset(last), dataOffset: dataOffset,
                    byteCount: byteCount, appendTime: appendTime,
                    maxTimestampMilliseconds: timestamp, checksum: try reader.int()))
            next = last &+ 1
            dataOffset &+= byteCount
        }
        return entries
    }
}

/// Collects the pages of one segment while its batches are written.
struct SegmentIndexBuilder {
    private let seed: UInt32
    private var head: SegmentPage.Head?
    private var body = ByteWriter()
    private var next: Int64 = 0
    private var time: Int64 = 0
    private var pages: [(head: SegmentPage.Head, body: [UInt8])] = []
    private var transactions = TransactionIndex()
    private var maxAppendTime = Timestamp(nanoseconds: .min)
    private var maxTimestampMilliseconds = Int64.min

    init(seed: UInt32) { self.seed = seed }

    mutating func append(_ entry: SegmentPage.Entry) {
        if head == nil {
            head = SegmentPage.Head(
                dataOffset: entry.dataOffset, baseOffset: entry.baseOffset,
                firstAppendTime: entry.appendTime, maxAppendTime: maxAppendTime,
                maxTimestampMilliseconds: maxTimestampMilliseconds)
            next = entry.baseOffset.value
            time = entry.appendTime.nanoseconds
        }
        maxAppendTime = max(maxAppendTime, entry.appendTime)
        maxTimestampMilliseconds = max(maxTimestampMilliseconds, entry.maxTimestampMilliseconds)
        body.unsignedVarint(UInt64(entry.baseOffset.value - next))
        body.unsignedVarint(UInt64(entry.lastOffset.value - entry.baseOffset.value))
        body.unsignedVarint(UInt64(entry.byteCount))
        body.varint(entry.appendTime.nanoseconds &- time)
        body.varint(entry.maxTimestampMilliseconds &- entry.appendTime.milliseconds)
        body.int(entry.checksum)
        next = entry.lastOffset.value + 1
        time = entry.appendTime.nanoseconds
        head!.batchCount += 1
        if head!.batchCount == SegmentPage.batchLimit { endPage() }
    }

    mutating func append(_ batch: TransactionalBatch) { transactions.append(batch) }

    private mutating func endPage() {
        guard var head else { return }
        head.maxAppendTime = maxAppendTime
        head.maxTimestampMilliseconds = maxTimestampMilliseconds
        head.byteCount = SegmentPage.headByteCount + body.count
        let bytes = body.bytes
        head.bodyChecksum = crc32c(bytes.span.bytes, seed: seed)
        pages.append((head, bytes))
        body.bytes = []
        self.head = nil
    }

    /// The index as it stands at `offset` in the file, and how many pages it has.
    mutating func finish(at offset: Int) -> (bytes: [UInt8], pageCount: Int) {
        endPage()
        var index = ByteWriter()
        var heads = ByteWriter()
        for page in pages {
            var head = page.head
            head.offset = offset + index.count
            let bytes = head.bytes(seed: seed)
            index.append(bytes)
            index.append(page.body)
            heads.append(bytes)
        }
        index.append(transactions.bytes(seed: seed))
        index.append(heads.bytes)
        return (index.bytes, pages.count)
    }
}
