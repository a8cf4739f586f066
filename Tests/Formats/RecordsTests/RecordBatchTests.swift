import Bytes
import Model
import Records
import Testing

@Suite struct RecordBatchTests {
    @Test func `what is appended is read back: null, empty, headers in order with duplicates`()
        throws
    {
        #expect(try readAll(build(sampleRecords)) == sampleOffsets)
    }

    @Test func `the header says what the records are`() throws {
        var identity = RecordBatchBuilder.Identity(baseOffset: Offset(1 << 40), leaderEpoch: 7)
        identity.producerID = ProducerID(99)
        identity.producerEpoch = 3
        identity.baseSequence = Int32.max - 1
        let bytes = try build(sampleRecords, identity: identity)
        let batch = try RecordBatchView(bytes.span.bytes)
        let header = batch.header
        #expect(header.baseOffset == Offset(1 << 40))
        #expect(header.batchByteCount == bytes.count)
        #expect(header.leaderEpoch == 7)
        #expect(header.magic == 2)
        #expect(header.attributes == [])
        #expect(header.compression == Compression.none)
        #expect(header.lastOffsetDelta == 3)
        #expect(header.recordCount == 4)
        #expect(header.baseTimestampMilliseconds == 1_700_000_000_123)
        #expect(header.maxTimestampMilliseconds == 1_700_000_009_999)
        #expect(header.lastOffset == Offset(1 << 40 + 3))
        #expect(header.lastSequence == 1, "sequences wrap behind 2^31 - 1 to 0")
        let hasValidCRC = batch.hasValidCRC
        #expect(hasValidCRC)
    }

    @Test func `base offset and leader epoch are set without a new checksum`() throws {
        var bytes = try build(sampleRecords)
        patch(&bytes) { RecordBatchPatch.assign(baseOffset: Offset(500), leaderEpoch: 2, in: &$0) }
        let batch = try RecordBatchView(bytes.span.bytes)
        let (hasValidCRC, header) = (batch.hasValidCRC, batch.header)
        #expect(hasValidCRC)
        #expect(header.leaderEpoch == 2)
        #expect(try readAll(bytes).map(\.offset) == [500, 501, 502, 503])
    }

    @Test func `append time is one time for all records`() throws {
        var bytes = try build(sampleRecords)
        patch(&bytes) { RecordBatchPatch.setAppendTime(milliseconds: 42, in: &$0) }
        let hasValidCRC = try RecordBatchView(bytes.span.bytes).hasValidCRC
        #expect(hasValidCRC)
        #expect(try Set(readAll(bytes).map(\.timestamp)) == [42])
    }

    @Test func `batches back to back are walked one by one`() throws {
        let first = try build(Array(sampleRecords[..<2]))
        let second = try build(
            Array(sampleRecords[2...]), identity: .init(baseOffset: Offset(2)), compression: .lz4)
        #expect(try readAll(first + second) == sampleOffsets)
        #expect(throws: MalformedBytes.truncated) { try readAll(first + second.dropLast()) }
    }

    @Test func `a builder is used again without a trace of the last batch`() throws {
        var builder = RecordBatchBuilder()
        for round in 0..<3 {
            builder.begin(.init(baseOffset: Offset(Int64(round))))
            for record in sampleRecords {
                builder.append(
                    key: record.key, value: record.value, headers: record.headers,
                    timestampMilliseconds: record.timestamp)
            }
            let nextOffset = builder.nextOffset
            #expect(nextOffset == Offset(Int64(round) + 4))
            builder.seal()
            let bytes = Array(copying: builder.bytes)
            let expected = try build(
                sampleRecords, identity: .init(baseOffset: Offset(Int64(round))))
            #expect(bytes == expected)
        }
    }

    @Test func `a batch written anew without some records keeps its range and the others' places`()
        throws
    {
        let bytes = try build(sampleRecords, identity: .init(baseOffset: Offset(10)))
        let batch = try RecordBatchView(bytes.span.bytes)
        var builder = RecordBatchBuilder()
        builder.begin(.init(batch.header))
        var records = RecordCursor(batch.payload, count: 4)
        while let record = try records.next() {
            if record.offsetDelta == 1 { builder.append(record, of: batch) }
        }
        builder.seal(lastOffset: batch.header.lastOffset)
        let rewritten = Array(copying: builder.bytes)
        let view = try RecordBatchView(rewritten.span.bytes)
        let (hasValidCRC, header) = (view.hasValidCRC, view.header)
        #expect(hasValidCRC)
        #expect(header.lastOffset == Offset(13))
        #expect(header.recordCount == 1)
        var expected = sampleRecords[1]
        expected.offset = 11
        #expect(try readAll(rewritten) == [expected])
    }

    @Test func `a batch may lose all its records and keeps its range`() throws {
        var builder = RecordBatchBuilder()
        builder.begin(.init(baseOffset: Offset(10)))
        builder.seal(lastOffset: Offset(13))
        let batch = try RecordBatchView(builder.bytes)
        let (header, bytes) = (batch.header, Array(copying: batch.bytes))
        #expect(header.lastOffset == Offset(13))
        #expect(bytes.count == RecordBatchHeader.byteCount)
        #expect(try readAll(bytes).isEmpty)
    }

    @Test func `times far apart survive`() throws {
        let times: [Int64] = [0, .max, .min, -1, 1]
        let records = times.map { Record(timestamp: $0, key: nil, value: nil) }
        #expect(try readAll(build(records)).map(\.timestamp) == times)
    }
}
