import Bytes
import Model
import Records
import Testing

/// What kafka-python builds, byte for byte, and what is read of it.
@Suite struct GoldenBatchTests {
    static let records = [
        sampleRecords[0], sampleRecords[1], sampleRecords[2],
        Record(
            timestamp: 1_700_000_000_123, key: "long", value: String(repeating: "x", count: 300)),
    ]

    @Test func `the same records make the same bytes`() throws {
        var identity = RecordBatchBuilder.Identity(leaderEpoch: 0)
        identity.producerID = ProducerID(4242)
        identity.producerEpoch = 7
        identity.baseSequence = 1000
        #expect(try build(Self.records, identity: identity) == GoldenBatches.none)
    }

    @Test(arguments: [
        (GoldenBatches.none, Compression.none), (GoldenBatches.gzip, .gzip),
        (GoldenBatches.snappy, .snappy),
        (GoldenBatches.snappyBlock, .snappy), (GoldenBatches.lz4, .lz4),
        (GoldenBatches.zstd, .zstd),
    ])
    func `another client's batch passes and is read`(bytes: [UInt8], codec: Compression) throws {
        #expect(fault(bytes) == nil)
        let header = try RecordBatchHeader(bytes.span.bytes)
        #expect(header.compression == codec)
        #expect(header.producerID == ProducerID(4242))
        #expect(header.producerEpoch == 7)
        #expect(header.baseSequence == 1000)
        #expect(header.lastSequence == 1003)
        let expected = Self.records.enumerated().map { index, record in
            var placed = record
            placed.offset = Int64(index)
            return placed
        }
        #expect(try readAll(bytes) == expected)
    }
}

/// The bytes that hexadecimal digits stand for; line breaks don't count.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}
