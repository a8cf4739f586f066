import Bytes
import Model
import Records
import Testing

/// A seeded generator, so that a failing test fails again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}

/// A record as a value, to compare with.
struct Record: Equatable {
    var offset: Int64 = 0
    var timestamp: Int64
    var key: [UInt8]?
    var value: [UInt8]?
    var headers: [RecordHeader] = []

    init(
        offset: Int64 = 0, timestamp: Int64 = 1_700_000_000_000, key: String?, value: String?,
        headers: [RecordHeader] = []
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key.map { Array($0.utf8) }
        self.value = value.map { Array($0.utf8) }
        self.headers = headers
    }

    init(_ record: borrowing RecordView, of batch: borrowing RecordBatchView) throws {
        offset = batch.offset(of: record).value
        timestamp = batch.timestampMilliseconds(of: record)
        key = copied(record.key)
        value = copied(record.value)
        var cursor = record.headers.makeCursor()
        while let header = try cursor.next() {
            headers.append(RecordHeader(String(repairingUTF8: header.name), copied(header.value)))
        }
    }
}

func copied(_ bytes: RawSpan?) -> [UInt8]? {
    guard let bytes else { return nil }
    return Array(copying: bytes)
}

/// Changes `bytes` in place.
func patch(_ bytes: inout [UInt8], _ body: (inout MutableRawSpan) -> Void) {
    var elements = bytes.mutableSpan
    var span = elements.mutableBytes
    body(&span)
}

func build(
    _ records: [Record], identity: RecordBatchBuilder.Identity = .init(),
    compression: Compression = .none
) throws -> [UInt8] {
    var builder = RecordBatchBuilder()
    builder.begin(identity)
    for record in records {
        builder.append(
            key: record.key, value: record.value, headers: record.headers,
            timestampMilliseconds: record.timestamp)
    }
    builder.seal()
    let plain = Array(copying: builder.bytes)
    guard compression != .none else { return plain }
    var payload = GrowingBytes()
    try compression.compress(plain.span.bytes.from(RecordBatchHeader.byteCount), into: &payload)
    return repacked(plain, payload: Array(copying: payload.span), compression: compression)
}

/// `batch` with another payload and codec, its length and checksum made right.
func repacked(_ batch: [UInt8], payload: [UInt8], compression: Compression) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(batch[..<RecordBatchHeader.byteCount])
    writer.append(payload)
    writer.patch(Int32(writer.count - 12), at: 8)
    writer.bytes[22] = writer.bytes[22] & ~0x07 | compression.rawValue
    return withValidCRC(writer.bytes)
}

func withValidCRC(_ batch: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.append(batch)
    writer.patch(crc32c(batch.span.bytes.from(21)), at: 17)
    return writer.bytes
}

func readAll(_ bytes: [UInt8]) throws -> [Record] {
    var found: [Record] = []
    var decompressor = Decompressor()
    var batches = RecordBatchCursor(bytes.span.bytes)
    while let batch = try batches.next() {
        var scratch = GrowingBytes()
        try decompressor.decompress(
            batch.payload, as: try #require(batch.header.compression), into: &scratch,
            limit: 1 << 24)
        var records = RecordCursor(scratch.span, count: Int(batch.header.recordCount))
        while let record = try records.next() { found.append(try Record(record, of: batch)) }
    }
    return found
}

/// The fault that the validator finds; nil where it lets the batch pass.
func fault(_ bytes: [UInt8], rules: ProduceRules = ProduceRules()) -> RecordBatchFault? {
    var validator = RecordBatchValidator()
    do throws(RecordBatchFault) {
        _ = try validator.validate(bytes.span.bytes, rules: rules)
        return nil
    } catch {
        return error
    }
}

let sampleRecords = [
    Record(timestamp: 1_700_000_000_123, key: "eu.17", value: "first"),
    Record(
        timestamp: 1_700_000_000_100, key: nil, value: "",
        headers: [
            RecordHeader("a", "1"), RecordHeader("a", "2"), RecordHeader("b", nil as [UInt8]?),
            RecordHeader("", ""), RecordHeader("größe", [0xFF, 0x0D, 0x0A]),
        ]),
    Record(timestamp: 1_700_000_009_999, key: "", value: nil),
    Record(timestamp: 1_700_000_000_123, key: "long", value: String(repeating: "x", count: 70_000)),
]

let sampleOffsets = sampleRecords.enumerated().map { index, record in
    var placed = record
    placed.offset = Int64(index)
    return placed
}
