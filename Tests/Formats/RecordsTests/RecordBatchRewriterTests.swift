import Bytes
import Model
import Records
import Testing

/// What is left of a batch without some of its records. Source: Kafka documentation, "Log Compaction"; KIP-534.
@Suite struct RecordBatchRewriterTests {
    /// `bytes` without the records at these offsets.
    private static func rewrite(
        _ bytes: [UInt8], without gone: Set<Int64>, _ rules: RecordBatchRewriter.Rules = .init()
    ) throws -> RecordBatchRewriter.Outcome {
        var rewriter = RecordBatchRewriter()
        return try rewriter.rewrite(bytes.span.bytes, rules) { batch, record in
            !gone.contains(batch.offset(of: record).value)
        }
    }

    private static func changed(_ outcome: RecordBatchRewriter.Outcome) throws -> [UInt8] {
        guard case .changed(let bytes) = outcome else {
            Issue.record("\(outcome)")
            throw MalformedBytes.truncated
        }
        return bytes
    }

    private static func identity() -> RecordBatchBuilder.Identity {
        var identity = RecordBatchBuilder.Identity(baseOffset: Offset(1000), leaderEpoch: 7)
        identity.producerID = ProducerID(99)
        identity.producerEpoch = 3
        identity.baseSequence = 17
        return identity
    }

    @Test(arguments: Compression.allCases)
    func `what is left keeps offsets, times and headers, and the batch its range and its producer`(
        compression: Compression
    ) throws {
        let bytes = try build(sampleRecords, identity: Self.identity(), compression: compression)
        let before = try RecordBatchHeader(bytes.span.bytes)
        let after = try Self.changed(Self.rewrite(bytes, without: [1000, 1003]))
        let batch = try RecordBatchView(after.span.bytes)
        let (header, hasValidCRC) = (batch.header, batch.hasValidCRC)
        #expect(hasValidCRC)
        #expect(header.batchByteCount == after.count)
        #expect(after.count < bytes.count)
        #expect(header.recordCount == 2)
        #expect(header.compression == compression)
        #expect(header.baseOffset == before.baseOffset && header.lastOffset == before.lastOffset)
        #expect(header.lastSequence == before.lastSequence && header.producerEpoch == 3)
        #expect(header.leaderEpoch == 7)
        #expect(header.maxTimestampMilliseconds == 1_700_000_009_999)
        let all = try readAll(bytes)
        #expect(try readAll(after) == [all[1], all[2]])
        // And once more, of what was written anew.
        let again = try Self.changed(Self.rewrite(after, without: [1001]))
        #expect(try readAll(again) == [all[2]])
    }

    @Test func `a batch that keeps all its records stays as it is`() throws {
        let bytes = try build(sampleRecords, identity: Self.identity())
        #expect(try Self.rewrite(bytes, without: []) == .unchanged)
    }

    @Test func `a batch of which nothing is left goes, or stays empty where that is wanted`() throws {
        let bytes = try build(sampleRecords, identity: Self.identity(), compression: .lz4)
        let all = Set<Int64>(1000...1003)
        #expect(try Self.rewrite(bytes, without: all) == .nothing)
        let empty = try Self.changed(Self.rewrite(bytes, without: all, .init(keepsEmpty: true)))
        let batch = try RecordBatchView(empty.span.bytes)
        let (header, hasValidCRC) = (batch.header, batch.hasValidCRC)
        #expect(hasValidCRC && empty.count == RecordBatchHeader.byteCount)
        #expect(header.recordCount == 0 && header.compression == Compression.none)
        #expect(header.lastOffset == Offset(1003) && header.lastSequence == 20)
        #expect(try Self.rewrite(empty, without: all, .init(keepsEmpty: true)) == .unchanged)
        #expect(try Self.rewrite(empty, without: all) == .nothing)
    }

    @Test func `append time stays the time of all records`() throws {
        var bytes = try build(sampleRecords)
        patch(&bytes) { RecordBatchPatch.setAppendTime(milliseconds: 42, in: &$0) }
        let after = try Self.changed(Self.rewrite(bytes, without: [2]))
        #expect(try readAll(after).map(\.timestamp) == [42, 42, 42])
    }

    @Test func `a batch that keeps a tombstone is told once from when on it may go`() throws {
        let bytes = try build(sampleRecords, compression: .zstd)
        let first = try Self.changed(
            Self.rewrite(bytes, without: [0], .init(deleteHorizonMilliseconds: 1_800_000_000_000)))
        let header = try RecordBatchHeader(first.span.bytes)
        #expect(header.attributes.contains(.deleteHorizon))
        #expect(header.baseTimestampMilliseconds == 1_800_000_000_000)
        #expect(header.maxTimestampMilliseconds == 1_700_000_009_999)
        let all = try readAll(bytes)
        #expect(try readAll(first) == Array(all[1...]))
        // A later time changes nothing, also where other records go.
        let later = RecordBatchRewriter.Rules(deleteHorizonMilliseconds: 1_900_000_000_000)
        #expect(try Self.rewrite(first, without: [0], later) == .unchanged)
        let second = try Self.changed(Self.rewrite(first, without: [0, 1], later))
        let kept = try RecordBatchHeader(second.span.bytes)
        #expect(kept.baseTimestampMilliseconds == 1_800_000_000_000 && kept.attributes.contains(.deleteHorizon))
        #expect(try readAll(second) == Array(all[2...]))
    }

    @Test func `a batch without a tombstone is not told so`() throws {
        let bytes = try build(sampleRecords)
        let rules = RecordBatchRewriter.Rules(deleteHorizonMilliseconds: 1_800_000_000_000)
        let after = try Self.changed(Self.rewrite(bytes, without: [2], rules))
        #expect(try !RecordBatchHeader(after.span.bytes).attributes.contains(.deleteHorizon))
        let all = try readAll(bytes)
        #expect(try readAll(after) == [all[0], all[1], all[3]])
        #expect(try Self.rewrite(after, without: [2], rules) == .unchanged)
    }

    @Test func `a control batch stays as it is`() throws {
        var identity = Self.identity()
        identity.attributes = [.control, .transactional]
        let bytes = try build([Record(timestamp: 5, key: "marker", value: "x")], identity: identity)
        #expect(try Self.rewrite(bytes, without: [1000]) == .unchanged)
    }

    @Test func `bytes that are no batch are refused`() throws {
        let bytes = try build(sampleRecords, compression: .gzip)
        var broken = bytes
        broken.replaceSubrange(70..<90, with: repeatElement(0xEE, count: 20))
        #expect(throws: (any Error).self) { try Self.rewrite(broken, without: [1]) }
        #expect(throws: (any Error).self) { try Self.rewrite(Array(bytes[..<50]), without: [1]) }
    }
}
