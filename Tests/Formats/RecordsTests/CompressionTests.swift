import Bytes
import Records
import Testing

@Suite struct CompressionTests {
    static let codecs = Compression.allCases

    @Test(arguments: codecs) func `compressed bytes come back`(codec: Compression) throws {
        var random = SplitMix64(seed: 11)
        for byteCount in [1, 100, 32 * 1024, 100_001, 3_000_000] {
            let noise = random.bytes(min(byteCount, 5000))
            let plain = (0..<byteCount).map { noise[$0 % noise.count] }
            var packed = GrowingBytes()
            try codec.compress(plain.span.bytes, into: &packed)
            var unpacked = GrowingBytes()
            unpacked.append(byte: 9)
            var decompressor = Decompressor()
            for _ in 0..<2 {
                unpacked.truncate(to: 1)
                try decompressor.decompress(
                    packed.span, as: codec, into: &unpacked, limit: byteCount)
                let came = Array(copying: unpacked.span.from(1))
                #expect(came == plain)
            }
        }
    }

    @Test(arguments: codecs) func `a decompression bomb stops at the limit`(codec: Compression)
        throws
    {
        let plain = [UInt8](repeating: 0, count: 20_000_000)
        var packed = GrowingBytes()
        try codec.compress(plain.span.bytes, into: &packed)
        var decompressor = Decompressor()
        for limit in [0, 1, 65_536, plain.count - 1] {
            var output = GrowingBytes()
            let error = failure(&decompressor, packed.span, codec, &output, limit)
            #expect(error == .outputTooLarge(limit: limit))
            let left = output.count
            #expect(left == 0)
        }
    }

    @Test(arguments: codecs.dropFirst()) func `a cut or empty stream is corrupt`(codec: Compression)
        throws
    {
        let plain = SplitMix64(seed: 5).sample(4000)
        var packed = GrowingBytes()
        try codec.compress(plain.span.bytes, into: &packed)
        var decompressor = Decompressor()
        for count in [0, 1, 7, 15, 17, packed.count / 2, packed.count - 1] {
            var output = GrowingBytes()
            let error = failure(
                &decompressor, packed.span.extracting(0..<count), codec, &output, 1 << 20)
            #expect(error == .corrupt(codec), "\(count) bytes")
            let left = output.count
            #expect(left == 0)
        }
        // Still usable behind all those errors.
        var output = GrowingBytes()
        try decompressor.decompress(packed.span, as: codec, into: &output, limit: 4000)
        let came = Array(copying: output.span)
        #expect(came == plain)
    }

    @Test(arguments: codecs.dropFirst()) func `damaged streams never crash`(codec: Compression)
        throws
    {
        var random = SplitMix64(seed: UInt64(codec.rawValue))
        let plain = random.bytes(300) + [UInt8](repeating: 7, count: 700)
        var packed = GrowingBytes()
        try codec.compress(plain.span.bytes, into: &packed)
        let original = Array(copying: packed.span)
        var decompressor = Decompressor()
        var outcomes = (fine: 0, refused: 0)
        for _ in 0..<3000 {
            var damaged = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: 0..<damaged.count, using: &random)] ^=
                    1
                    << Int.random(
                        in: 0..<8, using: &random)
            }
            var output = GrowingBytes()
            do {
                try decompressor.decompress(
                    damaged.span.bytes, as: codec, into: &output, limit: 100_000)
                outcomes.fine += 1
                let written = output.count
                #expect(written <= 100_000)
            } catch {
                outcomes.refused += 1
                let left = output.count
                #expect(left == 0)
            }
        }
        #expect(outcomes.refused > 100)
    }

    @Test func `a bare snappy block is taken as well as chunks`() throws {
        // Length 6, then one literal of 6 bytes.
        let block: [UInt8] = [0x06, 0x14, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66]
        var output = GrowingBytes()
        var decompressor = Decompressor()
        try decompressor.decompress(block.span.bytes, as: .snappy, into: &output, limit: 6)
        let came = Array(copying: output.span)
        #expect(came == Array("abcdef".utf8))
    }

    @Test func `a snappy block that claims gigabytes takes no memory`() throws {
        let block: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00, 0x61]
        var output = GrowingBytes()
        var decompressor = Decompressor()
        let lie = failure(&decompressor, block.span.bytes, .snappy, &output, .max / 4)
        #expect(lie == .corrupt(.snappy))
        let large = failure(&decompressor, block.span.bytes, .snappy, &output, 100)
        #expect(large == .outputTooLarge(limit: 100))
    }

    @Test func `members back to back are one stream`() throws {
        for codec in [Compression.gzip, .lz4, .zstd] {
            var packed = GrowingBytes()
            let (first, second): ([UInt8], [UInt8]) = ([1, 2, 3], [4, 5])
            try codec.compress(first.span.bytes, into: &packed)
            try codec.compress(second.span.bytes, into: &packed)
            var output = GrowingBytes()
            var decompressor = Decompressor()
            try decompressor.decompress(packed.span, as: codec, into: &output, limit: 5)
            let came = Array(copying: output.span)
            #expect(came == [1, 2, 3, 4, 5])
        }
    }
}

/// The error of a decompression; nil where it works.
private func failure(
    _ decompressor: inout Decompressor, _ bytes: RawSpan, _ codec: Compression,
    _ output: inout GrowingBytes, _ limit: Int
) -> CompressionError? {
    do throws(CompressionError) {
        try decompressor.decompress(bytes, as: codec, into: &output, limit: limit)
        return nil
    } catch {
        return error
    }
}

extension SplitMix64 {
    func sample(_ count: Int) -> [UInt8] {
        var copy = self
        return copy.bytes(count)
    }
}
