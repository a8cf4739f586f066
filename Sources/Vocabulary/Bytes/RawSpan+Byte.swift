extension RawSpan {
    /// The byte at `index`, which must be below `byteCount`.
    @inlinable
    public subscript(byteAt index: Int) -> UInt8 {
        @inline(__always) get {
            // The load checks the bounds; any bit pattern is a byte.
            unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
        }
    }

    /// Whether both hold the same bytes.
    @inlinable
    public func isEqual(to other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        var index = 0
        while index &+ 8 <= byteCount {
            // In bounds by the loop's condition; any bit pattern is an integer.
            let left = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            let right = unsafe other.unsafeLoadUnaligned(
                fromUncheckedByteOffset: index, as: UInt64.self)
            if left != right { return false }
            index &+= 8
        }
        while index < byteCount {
            if self[byteAt: index] != other[byteAt: index] { return false }
            index &+= 1
        }
        return true
    }
}
