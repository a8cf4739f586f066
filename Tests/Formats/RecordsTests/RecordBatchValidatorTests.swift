import Bytes
import Model
import Records
import Testing

/// The checks of a leader on Produce, in Kafka's order.
@Suite struct RecordBatchValidatorTests {
    @Test(arguments: Compression.allCases)
    func `a good batch passes, and its records can be read`(codec: Compression) throws {
        let bytes = try build(sampleRecords, compression: codec)
        var validator = RecordBatchValidator()
        for _ in 0..<2 {
            let found = try validator.validate(bytes.span.bytes, rules: ProduceRules())
            #expect(found.header.recordCount == 4)
            #expect(found.maxTimestampMilliseconds == 1_700_000_009_999)
            #expect(found.offsetDeltaOfMaxTimestamp == 2)
            #expect(!found.hasWrongMaxTimestamp)
            let batch = try RecordBatchView(bytes.span.bytes)
            var records = validator.records(ofLast: batch)
            var read: [Record] = []
            while let record = try records.next() { read.append(try Record(record, of: batch)) }
            #expect(read == sampleOffsets)
        }
    }

    @Test func `there is exactly one batch`() throws {
        let bytes = try build(sampleRecords)
        #expect(fault([]) == .noBatch)
        #expect(fault(Array(bytes[..<16])) == .noBatch)
        #expect(fault(Array(bytes[..<60])) == .noBatch)
        #expect(fault(bytes.dropLast()) == .noBatch)
        #expect(fault(bytes + [0]) == .moreThanOneBatch)
        #expect(fault(bytes + bytes) == .moreThanOneBatch)
    }

    @Test func `each wrong field has its fault and code`() throws {
        let good = try build(sampleRecords)
        func changed<T: FixedWidthInteger & BitwiseCopyable>(
            _ value: T, at position: Int, resealed: Bool = true
        ) -> RecordBatchFault? {
            var writer = ByteWriter()
            writer.append(good)
            writer.patch(value, at: position)
            return fault(resealed ? withValidCRC(writer.bytes) : writer.bytes)
        }
        func expect(_ found: RecordBatchFault?, _ expected: RecordBatchFault, code: Int16) {
            #expect(found == expected)
            #expect(found?.kafkaErrorCode == code)
            #expect(found?.description.isEmpty == false)
        }
        expect(changed(Int8(1), at: 16), .unsupportedMagic(1), code: 87)
        expect(changed(Int8(3), at: 16), .unsupportedMagic(3), code: 87)
        expect(changed(Int32(48), at: 8), .badLength(48), code: 2)
        expect(changed(Int32(-1), at: 8), .badLength(-1), code: 2)
        expect(changed(Int32.min, at: 8), .badLength(Int(Int32.min)), code: 2)
        expect(changed(Int32.max, at: 8), .noBatch, code: 87)
        expect(changed(Int64(1), at: 0), .baseOffsetNotZero(1), code: 87)
        expect(changed(UInt32(0), at: 17, resealed: false), .badCRC, code: 2)
        expect(changed(Int16(5), at: 21), .unknownCompression(5), code: 76)
        expect(changed(Int16(7), at: 21), .unknownCompression(7), code: 76)
        expect(changed(Int16(1), at: 21), .badCompression, code: 2)
        expect(changed(Int16(0x08), at: 21), .appendTimeFromProducer, code: 32)
        expect(changed(Int16(0x10), at: 21), .badProducer, code: 87)
        expect(changed(Int16(0x20), at: 21), .controlBatch, code: 87)
        expect(changed(Int16(0x40), at: 21), .unknownAttributes(0x40), code: 87)
        expect(changed(Int16(0x80), at: 21), .unknownAttributes(0x80), code: 87)
        expect(
            changed(Int32(4), at: 23), .badOffsetRange(lastOffsetDelta: 4, recordCount: 4), code: 87
        )
        expect(changed(Int32(0), at: 57), .badRecordCount(0), code: 87)
        expect(changed(Int32(-4), at: 57), .badRecordCount(-4), code: 87)
        expect(
            changed(Int32.max, at: 57), .badOffsetRange(lastOffsetDelta: 3, recordCount: .max),
            code: 87)
        expect(changed(Int64(5), at: 43), .badProducer, code: 87)
    }

    @Test func `a batch above the topic's limit is too large`() throws {
        let bytes = try build(sampleRecords)
        var rules = ProduceRules()
        rules.maxBatchByteCount = bytes.count
        #expect(fault(bytes, rules: rules) == nil)
        rules.maxBatchByteCount = bytes.count - 1
        let found = fault(bytes, rules: rules)
        #expect(found == .tooLarge(byteCount: bytes.count, limit: bytes.count - 1))
        #expect(found?.kafkaErrorCode == 10)
    }

    @Test func `records may not decompress beyond the limit`() throws {
        let bytes = try build(sampleRecords, compression: .zstd)
        var rules = ProduceRules()
        rules.maxUncompressedByteCount = 70_000
        #expect(fault(bytes, rules: rules) == .uncompressedTooLarge(limit: 70_000))
        #expect(fault(bytes, rules: rules)?.kafkaErrorCode == 10)
    }

    @Test func `zstd is refused where the request is too old for it`() throws {
        var rules = ProduceRules()
        rules.allowsZstd = false
        #expect(
            fault(try build(sampleRecords, compression: .zstd), rules: rules) == .zstdNotAllowed)
        #expect(fault(try build(sampleRecords, compression: .lz4), rules: rules) == nil)
    }

    @Test func `a compacted topic names the record without a key`() throws {
        var rules = ProduceRules()
        rules.requiresKeys = true
        let found = fault(try build(sampleRecords), rules: rules)
        #expect(found == .badRecord(index: 1, .keyMissing))
        #expect(found?.kafkaErrorCode == 87)
        #expect(found?.recordIndex == 1)
    }

    @Test func `a time outside the topic's range names the record`() throws {
        var rules = ProduceRules()
        rules.timestampsMilliseconds = 1_700_000_000_100...1_700_000_009_998
        let found = fault(try build(sampleRecords, compression: .gzip), rules: rules)
        #expect(found == .badRecord(index: 2, .timestampOutOfRange))
        #expect(found?.kafkaErrorCode == 32)
        rules.timestampsMilliseconds = nil
        #expect(fault(try build(sampleRecords), rules: rules) == nil)
    }

    @Test func `a wrong max timestamp is told and can be corrected`() throws {
        var writer = ByteWriter()
        writer.append(try build(sampleRecords))
        writer.patch(Int64(5), at: 35)
        var bytes = withValidCRC(writer.bytes)
        var validator = RecordBatchValidator()
        let found = try validator.validate(bytes.span.bytes, rules: ProduceRules())
        #expect(found.hasWrongMaxTimestamp)
        patch(&bytes) {
            RecordBatchPatch.setMaxTimestamp(milliseconds: found.maxTimestampMilliseconds, in: &$0)
        }
        #expect(bytes == (try build(sampleRecords)))
    }

    @Test func `records are checked one by one, under any codec`() throws {
        func faultOf(_ payload: [UInt8], count: Int32 = 1, _ codec: Compression) throws
            -> RecordBatchFault?
        {
            var writer = ByteWriter()
            writer.append(try build([Record(key: nil, value: nil)]))
            writer.patch(count, at: 57)
            writer.patch(count - 1, at: 23)
            var packed = GrowingBytes()
            try codec.compress(payload.span.bytes, into: &packed)
            return fault(
                repacked(writer.bytes, payload: Array(copying: packed.span), compression: codec))
        }
        // Length, attributes, time delta, offset delta, no key, no value, no headers.
        let plain: [UInt8] = [12, 0, 0, 0, 1, 1, 0]
        let malformed = RecordBatchFault.badRecord(index: 0, .malformed)
        for codec in Compression.allCases {
            #expect(try faultOf(plain, codec) == nil)
            #expect(
                try faultOf([12, 0, 0, 2, 1, 1, 0], codec)
                    == .badRecord(index: 0, .offsetDeltaNotConsecutive))
            #expect(try faultOf(plain + plain, codec) == malformed, "bytes left over")
            #expect(
                try faultOf(plain, count: 2, codec) == .badRecord(index: 1, .malformed),
                "one record short")
            #expect(
                try faultOf(plain + plain, count: 2, codec)
                    == .badRecord(index: 1, .offsetDeltaNotConsecutive))
            #expect(try faultOf([11, 0, 0, 0, 1, 1, 0], codec) == malformed, "negative length")
            #expect(try faultOf([10, 0, 0, 0, 1, 1, 0], codec) == malformed, "record cut short")
            #expect(try faultOf([14, 0, 0, 0, 1, 1, 0, 0], codec) == malformed, "record too long")
            #expect(try faultOf([12, 0, 0, 0, 3, 1, 0], codec) == malformed, "key length -2")
            #expect(
                try faultOf([12, 0, 0, 0, 200, 1, 0], codec) == malformed,
                "value length beyond the end")
            #expect(try faultOf([12, 0, 0, 0, 1, 1, 1], codec) == malformed, "header count -1")
            #expect(try faultOf([12, 0, 0, 0, 1, 1, 2], codec) == malformed, "header missing")
            #expect(
                try faultOf([16, 0, 0, 0, 1, 1, 2, 1, 1], codec) == malformed, "header name null")
            #expect(
                try faultOf([18, 0, 0, 0, 1, 1, 2, 2, 0x61, 1], codec) == nil, "header value null")
            #expect(
                try faultOf([18, 0, 0, 0, 1, 1, 2, 2, 0xFF, 1], codec)
                    == .badRecord(index: 0, .headerNameNotText))
            #expect(
                try faultOf(
                    [32, 0, 0, 0, 1, 1, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F]
                        + [UInt8](repeating: 0, count: 6), codec)
                    == malformed, "two billion headers")
            #expect(
                try faultOf(
                    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], codec)
                    == malformed, "endless varint")
        }
    }

    @Test(arguments: Compression.allCases)
    func `flipped bits are always found`(codec: Compression) throws {
        let good = try build(Array(sampleRecords[..<3]), compression: codec)
        // Only the leader epoch may say anything: the leader sets it.
        for position in good.indices where !(12..<16).contains(position) {
            for bit in 0..<8 {
                var bytes = good
                bytes[position] ^= 1 << bit
                #expect(fault(bytes) != nil, "byte \(position) bit \(bit)")
            }
        }
    }

    @Test(arguments: Compression.allCases)
    func `truncations and garbage never crash and never pass`(codec: Compression) throws {
        let good = try build(Array(sampleRecords[..<3]), compression: codec)
        for count in 0..<good.count { #expect(fault(Array(good[..<count])) != nil) }
        var random = SplitMix64(seed: 3)
        for _ in 0..<500 {
            var bytes = random.bytes(Int.random(in: 0...300, using: &random))
            if bytes.count > 16 { bytes[16] = 2 }
            #expect(fault(bytes) != nil)
        }
    }

    @Test(arguments: Compression.allCases)
    func `what passes behind a right checksum can be read`(codec: Compression) throws {
        // An attacker computes the checksum too: mutations of the payload are sealed again.
        let good = try build(Array(sampleRecords[..<3]), compression: codec)
        var random = SplitMix64(seed: 77)
        var validator = RecordBatchValidator()
        var passed = 0
        for _ in 0..<5000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 21..<bytes.count, using: &random)] = random.bytes(1)[0]
            }
            bytes = withValidCRC(bytes)
            guard (try? validator.validate(bytes.span.bytes, rules: ProduceRules())) != nil else {
                continue
            }
            passed += 1
            let batch = try RecordBatchView(bytes.span.bytes)
            var records = validator.records(ofLast: batch)
            var count = 0
            while let record = try records.next() {
                _ = try Record(record, of: batch)
                count += 1
            }
            let announced = Int(batch.header.recordCount)
            #expect(count == announced)
        }
        if codec == .none { #expect(passed > 0) }
    }
}
