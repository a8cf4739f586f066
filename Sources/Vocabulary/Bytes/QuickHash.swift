/// A fast hash of short bytes, for tables that live in memory. Not for storage, not against a
/// patient attacker: tables that use it stay correct, if slower, when hashes collide.
///
/// Overlapping eight-byte loads, mixed by a 64 × 64 → 128 bit multiplication.
@inlinable
public func quickHash(_ bytes: RawSpan, seed: UInt64) -> UInt64 {
    let count = bytes.byteCount
    var hash = seed ^ (UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15)
    // All loads below lie inside `bytes`, as the conditions before them say; any bit pattern is an
    // integer.
    if count >= 8 {
        var index = 0
        while index &+ 8 < count {
            hash = unsafe mix(
                hash ^ bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
            index &+= 8
        }
        return unsafe mix(
            hash ^ bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: count &- 8, as: UInt64.self))
    }
    if count >= 4 {
        let low = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: 0, as: UInt32.self)
        let high = unsafe bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: count &- 4, as: UInt32.self)
        return mix(hash ^ (UInt64(high) << 32 | UInt64(low)))
    }
    if count == 0 { return mix(hash) }
    let first = UInt64(bytes[byteAt: 0])
    let middle = UInt64(bytes[byteAt: count >> 1])
    let last = UInt64(bytes[byteAt: count &- 1])
    return mix(hash ^ (first << 16 | middle << 8 | last))
}

@inlinable
func mix(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
}
