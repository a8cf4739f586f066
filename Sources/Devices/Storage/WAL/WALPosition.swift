/// Where a frame begins: the number of its file and the offset in it. Eight bytes; later frames are
/// greater.
public struct WALPosition: Hashable, Comparable, Sendable {
    /// File number in the upper half, offset divided by eight in the lower.
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    init(file: UInt64, offset: Int) {
        rawValue = file << 32 | UInt64(offset) >> 3
    }

    public var fileNumber: UInt64 { rawValue >> 32 }
    public var offset: Int { Int(rawValue & 0xFFFF_FFFF) << 3 }

    public static func < (left: WALPosition, right: WALPosition) -> Bool {
        left.rawValue < right.rawValue
    }

    /// Before every frame.
    public static let first = WALPosition(rawValue: 1 << 32)

    static let maximumFileNumber: UInt64 = 0xFFFF_FFFF
    static let maximumFileByteCount = 1 << 32
}
