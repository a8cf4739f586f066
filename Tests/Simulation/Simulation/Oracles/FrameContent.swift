import Bytes

/// The payload that belongs to a number: made when it is appended, and again when it was read.
enum FrameContent {
    static func bytes(_ seed: UInt64, byteCount: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        fill(&raw, seed)
        return bytes
    }

    static func fill(_ bytes: inout MutableRawSpan, _ seed: UInt64) {
        var random = SeededRandom(seed)
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            bytes.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        var rest = random.next()
        while offset < bytes.byteCount {
            bytes.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: offset, as: UInt8.self)
            rest >>= 8
            offset += 1
        }
    }

    static func matches(_ bytes: RawSpan, _ seed: UInt64) -> Bool {
        let expected = Self.bytes(seed, byteCount: bytes.byteCount)
        return expected.span.bytes.isEqual(to: bytes)
    }
}

extension RawSpan {
    func isEqual(to other: RawSpan) -> Bool {
        byteCount == other.byteCount
            && withUnsafeBytes { left in
                other.withUnsafeBytes { right in left.elementsEqual(right) }
            }
    }
}
