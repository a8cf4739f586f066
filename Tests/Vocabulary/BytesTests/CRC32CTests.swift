import Bytes
import Testing

/// RFC 3720 section 12.1, and the sums of long stretches that are made of three.
@Suite struct CRC32CTests {
    @Test func `the sum of the digits is the one that everybody knows`() {
        let digits = Array("123456789".utf8)
        #expect(crc32c(digits.span.bytes) == 0xE306_9283)
    }

    /// Source: RFC 3720 section B.4.
    @Test func `the RFC's test vectors, at once and in pieces`() {
        let zeros = [UInt8](repeating: 0, count: 32)
        let ones = [UInt8](repeating: 0xFF, count: 32)
        let rising = (0..<32).map { UInt8($0) }
        let sums = [crc32c(zeros.span.bytes), crc32c(ones.span.bytes), crc32c(rising.span.bytes)]
        #expect(sums == [0x8A91_36AA, 0x62A8_AB43, 0x46DD_794E])
        for cut in 0...32 {
            let first = crc32c(rising.span.bytes.extracting(0..<cut))
            let both = crc32c(rising.span.bytes.from(cut), seed: first)
            #expect(both == 0x46DD_794E)
        }
    }

    @Test func `every length and any cut gives the sum that bits give`() {
        var state: UInt64 = 1
        let bytes = (0..<40_000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        let span = bytes.span.bytes
        let lengths =
            Array(0..<70) + [255, 256, 767, 768, 769, 776, 1535, 1536, 1543, 12_287, 12_288, 12_289]
            + [13_055, 13_056, 24_576, 25_351, 39_993]
        for length in lengths {
            for start in [0, 1, 7] {
                let part = span.extracting(start..<start + length)
                #expect(crc32c(part, seed: 77) == bitwise(part, seed: 77), "\(length)")
                let cut = length / 3
                let first = crc32c(part.extracting(0..<cut), seed: 77)
                #expect(
                    crc32c(part.extracting(cut..<length), seed: first) == crc32c(part, seed: 77))
            }
        }
    }

    private func bitwise(_ bytes: RawSpan, seed: UInt32) -> UInt32 {
        var sum = ~seed
        for index in 0..<bytes.byteCount {
            sum ^= UInt32(bytes[index])
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
        }
        return ~sum
    }
}
