/// Uniquely owned bytes that grow at their end and are used again and again: the staging memory of
/// hot paths.
///
/// Clearing keeps the memory, so that a buffer that has seen its usual load never allocates again.
/// All unsafe memory use of growing buffers is in this file: writes go through ``reserve(_:)``,
/// which makes every store below it fall inside the allocation.
public struct GrowingBytes: ~Copyable, @unchecked Sendable {
    @usableFromInline var base: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var length: Int

    public init(capacity: Int = 0) {
        self.capacity = max(capacity, 64)
        unsafe base = .allocate(byteCount: self.capacity, alignment: 16)
        length = 0
    }

    deinit { unsafe base.deallocate() }

    /// How many bytes are written.
    @inlinable public var count: Int { length }
    @inlinable public var isEmpty: Bool { length == 0 }

    /// All written bytes, borrowed.
    public var span: RawSpan {
        @_lifetime(borrow self)
        @inlinable get {
            // The first `count` bytes are initialised, and nobody writes while `self` is borrowed.
            let span = unsafe RawSpan(_unsafeStart: UnsafeRawPointer(base), byteCount: count)
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The same for bytes that an object keeps, whose span could not leave a getter.
    public func withSpan(_ body: (RawSpan) -> Void) { body(span) }

    /// Forgets the bytes and keeps the memory, or at most `limit` bytes of it.
    @inlinable public mutating func removeAll(keepingAtMost limit: Int = .max) {
        length = 0
        if capacity > limit { shrink(to: limit) }
    }

    /// Forgets all bytes behind the first `newCount`.
    @inlinable public mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count, "truncate \(count) to \(newCount)")
        length = newCount
    }

    /// Makes room for `more` bytes behind the written ones.
    @inlinable public mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inlinable public mutating func append(byte: UInt8) {
        reserve(1)
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        length += 1
    }

    @inlinable public mutating func append(_ bytes: RawSpan) {
        let more = bytes.byteCount
        reserve(more)
        // `bytes` cannot lie in this buffer: it would have to borrow `self`, which is being
        // changed.
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + count).copyMemory(from: start, byteCount: more)
        }
        length += more
    }

    @inlinable public mutating func append(_ bytes: [UInt8]) {
        append(bytes.span.bytes)
    }

    @inlinable public mutating func append(_ text: StaticString) {
        reserve(text.utf8CodeUnitCount)
        unsafe (base + count).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        length += text.utf8CodeUnitCount
    }

    /// Appends an integer, big endian.
    @inlinable public mutating func int<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self)
        length += MemoryLayout<T>.size
    }

    /// Overwrites the integer at `position`, which is written already.
    @inlinable public mutating func patch<T: FixedWidthInteger & BitwiseCopyable>(
        _ value: T, at position: Int
    ) {
        precondition(
            position >= 0 && position + MemoryLayout<T>.size <= count, "patch at \(position)")
        unsafe base.storeBytes(of: value.bigEndian, toByteOffset: position, as: T.self)
    }

    @inlinable public mutating func unsignedVarint(_ value: UInt64) {
        reserve(10)
        var rest = value
        var position = length
        while rest > 0x7F {
            let byte = UInt8(truncatingIfNeeded: rest) | 0x80
            unsafe base.storeBytes(of: byte, toByteOffset: position, as: UInt8.self)
            position &+= 1
            rest >>= 7
        }
        let last = UInt8(truncatingIfNeeded: rest)
        unsafe base.storeBytes(of: last, toByteOffset: position, as: UInt8.self)
        length = position &+ 1
    }

    /// Appends `number` in decimal.
    @inlinable public mutating func decimal(_ number: UInt64) {
        let digitCount = decimalDigitCount(number)
        reserve(digitCount)
        var rest = number
        var position = length &+ digitCount
        length = position
        repeat {
            position &-= 1
            let digit = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            unsafe base.storeBytes(of: digit, toByteOffset: position, as: UInt8.self)
            rest /= 10
        } while rest > 0
    }

    /// Zig-zag varint or varlong.
    @inlinable public mutating func varint(_ value: Int64) {
        unsignedVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Lets C code write up to `limit` bytes behind the written ones; `body` returns how many it
    /// did.
    ///
    /// The pointer is valid for `limit` bytes and only inside `body`.
    public mutating func appendUnsafely<E: Error>(
        upTo limit: Int, _ body: (UnsafeMutableRawPointer) throws(E) -> Int
    ) throws(E) {
        reserve(limit)
        let written = unsafe try body(base + count)
        precondition(
            written >= 0 && written <= limit, "\(written) bytes written into room for \(limit)")
        length += written
    }

    @usableFromInline mutating func grow(_ more: Int) {
        move(to: max(count + more, capacity + capacity / 2))
    }

    @usableFromInline mutating func shrink(to limit: Int) {
        move(to: max(limit, count, 64))
    }

    private mutating func move(to newCapacity: Int) {
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        unsafe fresh.copyMemory(from: base, byteCount: count)
        unsafe base.deallocate()
        unsafe base = fresh
        capacity = newCapacity
    }
}

extension GrowingBytes {
    /// All written bytes, to be changed in place.
    public var mutableSpan: MutableRawSpan {
        @_lifetime(&self)
        mutating get {
            // The first `count` bytes are initialised and `self` is borrowed exclusively.
            let span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: length)
            return unsafe _overrideLifetime(span, mutating: &self)
        }
    }
}

/// How many digits `number` has in decimal.
@inlinable public func decimalDigitCount(_ number: UInt64) -> Int {
    var (count, limit) = (1, UInt64(10))
    while number >= limit {
        count &+= 1
        let (next, overflows) = limit.multipliedReportingOverflow(by: 10)
        if overflows { break }
        limit = next
    }
    return count
}
