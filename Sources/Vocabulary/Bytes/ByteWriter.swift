/// Bytes being written: big-endian integers, varints and copies, into one growing array.
public struct ByteWriter: Sendable {
    public var bytes: [UInt8]

    @inlinable
    public init(capacity: Int = 0) {
        bytes = []
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

    @inlinable public var count: Int { bytes.count }

    @inlinable
    public mutating func int<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
        var bigEndian = value.bigEndian
        // The bytes of a local integer, copied before it goes out of scope.
        unsafe withUnsafeBytes(of: &bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    @inlinable
    public mutating func append(_ span: RawSpan) {
        // Copied at once; the pointer does not leave the closure.
        unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    @inlinable
    public mutating func append(_ more: some Sequence<UInt8>) {
        bytes.append(contentsOf: more)
    }

    @inlinable
    public mutating func append(_ text: some StringProtocol) {
        bytes.append(contentsOf: text.utf8)
    }

    @inlinable
    public mutating func unsignedVarint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Zig-zag varint or varlong.
    @inlinable
    public mutating func varint(_ value: Int64) {
        unsignedVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Overwrites the integer at `position`, for lengths that are known only later.
    @inlinable
    public mutating func patch<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at position: Int) {
        var shift = T.bitWidth
        for index in 0..<MemoryLayout<T>.size {
            shift -= 8
            bytes[position + index] = UInt8(truncatingIfNeeded: value >> T(shift))
        }
    }

    /// How many bytes ``unsignedVarint(_:)`` takes for `value`.
    @inlinable
    public static func unsignedVarintByteCount(_ value: UInt64) -> Int {
        value == 0 ? 1 : (70 - value.leadingZeroBitCount) / 7
    }

    /// How many bytes ``varint(_:)`` takes for `value`.
    @inlinable
    public static func varintByteCount(_ value: Int64) -> Int {
        unsignedVarintByteCount(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }
}
