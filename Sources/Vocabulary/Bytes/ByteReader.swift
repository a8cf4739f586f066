/// What a peer or a file got wrong about its bytes.
public enum MalformedBytes: Error, Equatable, Sendable {
    /// A length or a fixed field reaches past the end.
    case truncated
    /// A varint is longer than its type allows.
    case varintTooLong
    /// A count or a length is negative, or larger than what is left could hold.
    case badLength(Int)
    /// Text is not UTF-8.
    case notUTF8
}

/// A cursor over borrowed bytes: big-endian integers, varints and slices, each checked against what is left.
public struct ByteReader: ~Escapable {
    @usableFromInline let span: RawSpan
    @usableFromInline var cursor = 0

    @_lifetime(copy span)
    @inlinable
    public init(_ span: RawSpan) {
        self.span = span
    }

    /// How many bytes have been taken.
    @inlinable public var position: Int { cursor }
    @inlinable public var remaining: Int { span.byteCount - cursor }
    @inlinable public var isAtEnd: Bool { remaining == 0 }

    /// The next integer, big endian.
    @inlinable
    public mutating func int<T: FixedWidthInteger & BitwiseCopyable>(
        _: T.Type = T.self
    ) throws(MalformedBytes) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw .truncated }
        // In bounds by the guard; every bit pattern is a valid integer.
        let value = unsafe span.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: T.self)
        cursor += size
        return T(bigEndian: value)
    }

    /// The next `count` bytes, borrowed.
    @_lifetime(copy self)
    @inlinable
    public mutating func bytes(_ count: Int) throws(MalformedBytes) -> RawSpan {
        guard count >= 0 else { throw .badLength(count) }
        guard remaining >= count else { throw .truncated }
        let slice = span.extracting(position..<position + count)
        cursor += count
        return slice
    }

    @inlinable
    public mutating func skip(_ count: Int) throws(MalformedBytes) {
        guard count >= 0 else { throw .badLength(count) }
        guard remaining >= count else { throw .truncated }
        cursor += count
    }

    /// An unsigned varint: seven bits a byte, least significant group first.
    /// Source: Kafka protocol guide, "Unsigned Varint".
    @inlinable @inline(__always)
    public mutating func unsignedVarint() throws(MalformedBytes) -> UInt64 {
        guard cursor < span.byteCount else { throw .truncated }
        // In bounds by the guard; most varints have one byte.
        let byte = unsafe span.unsafeLoad(fromUncheckedByteOffset: cursor, as: UInt8.self)
        guard byte < 0x80 else { return try longVarint() }
        cursor += 1
        return UInt64(byte)
    }

    @inlinable @inline(never)
    mutating func longVarint() throws(MalformedBytes) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try int(UInt8.self)
            if shift == 63, byte > 1 { throw .varintTooLong }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
            if shift > 63 { throw .varintTooLong }
        }
    }

    /// A zig-zag varint or varlong.
    @inlinable
    public mutating func varint() throws(MalformedBytes) -> Int64 {
        let raw = try unsignedVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    @inlinable
    public mutating func string(_ count: Int) throws(MalformedBytes) -> String {
        let slice = try bytes(count)
        guard let text = String(validatingUTF8: slice) else { throw .notUTF8 }
        return text
    }
}
