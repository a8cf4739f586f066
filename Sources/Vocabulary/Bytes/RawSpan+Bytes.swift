import CBytes

extension RawSpan {
    /// The byte at `position`.
    @inlinable public subscript(position: Int) -> UInt8 {
        precondition(
            UInt(bitPattern: position) < UInt(bitPattern: byteCount), "byte outside the span")
        // In bounds by the precondition; every bit pattern is a valid byte.
        return unsafe unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
    }

    /// The big-endian integer at `position`.
    @inlinable public func int<T: FixedWidthInteger & BitwiseCopyable>(
        at position: Int, as _: T.Type = T.self
    ) -> T {
        precondition(
            position >= 0 && byteCount - position >= MemoryLayout<T>.size,
            "integer outside the span")
        return T(
            bigEndian: unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: T.self))
    }

    /// Whether both hold the same bytes.
    @inlinable public func hasSameBytes(as other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return hasPrefix(other)
    }

    /// Whether the first bytes are those of `start`.
    @inlinable public func hasPrefix(_ start: RawSpan) -> Bool {
        guard byteCount >= start.byteCount else { return false }
        if start.byteCount == 0 { return true }
        // Both pointers are valid for the shorter count, and nothing keeps them.
        return unsafe withUnsafeBytes { left in
            unsafe start.withUnsafeBytes { right in
                unsafe duolog_same_bytes(left.baseAddress, right.baseAddress, right.count) != 0
            }
        }
    }

    /// Whether the bytes are those of `text`.
    @inlinable public func hasSameBytes(as text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        return hasPrefix(text)
    }

    /// Whether the first bytes are those of `text`.
    @inlinable public func hasPrefix(_ text: StaticString) -> Bool {
        guard byteCount >= text.utf8CodeUnitCount else { return false }
        // A static string's bytes live as long as the program.
        return unsafe withUnsafeBytes { left in
            guard let start = left.baseAddress else { return true }
            return unsafe duolog_same_bytes(start, text.utf8Start, text.utf8CodeUnitCount) != 0
        }
    }

    /// Where `byte` comes first at or behind `position`; nil where it does not come.
    @inlinable public func firstPosition(of byte: UInt8, from position: Int = 0) -> Int? {
        precondition(position >= 0 && position <= byteCount, "search outside the span")
        let index = unsafe withUnsafeBytes { bytes -> Int in
            guard let start = bytes.baseAddress, position < bytes.count else { return -1 }
            return unsafe duolog_find_byte(start + position, byte, bytes.count - position)
        }
        return index < 0 ? nil : position + index
    }

    /// The bytes from `start` to the end.
    @inlinable @_lifetime(copy self) public func from(_ start: Int) -> RawSpan {
        extracting(start..<byteCount)
    }

    /// Whether the bytes are well-formed UTF-8.
    public var isUTF8: Bool {
        for position in 0..<byteCount where self[position] >= 0x80 {
            // The pointer is used only inside the closures; any byte is a valid UInt8.
            return unsafe withUnsafeBytes { buffer in
                unsafe buffer.withMemoryRebound(to: UInt8.self) { units in
                    (try? unsafe UTF8Span(validating: Span(_unsafeElements: units))) != nil
                }
            }
        }
        return true
    }
}
