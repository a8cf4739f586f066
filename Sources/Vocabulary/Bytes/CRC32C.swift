import CBytes

/// The CRC-32C (Castagnoli) checksum of `bytes`, continuing from `seed`.
///
/// Kafka record batches carry it over everything behind their CRC field, WAL frames over the whole frame.
/// Source: RFC 3720 section 12.1.
@inlinable
public func crc32c(_ bytes: RawSpan, seed: UInt32 = 0) -> UInt32 {
    // The C function reads exactly the bytes it is given and keeps nothing.
    unsafe bytes.withUnsafeBytes { unsafe duolog_crc32c(seed, $0.baseAddress, $0.count) }
}

/// The CRC-32C of the eight bytes of `value`, big endian, continuing from `seed`.
@inlinable
public func crc32c(_ value: UInt64, seed: UInt32 = 0) -> UInt32 {
    // The bytes of a temporary, read before it goes out of scope.
    unsafe withUnsafeBytes(of: value.bigEndian) { unsafe crc32c($0.bytes, seed: seed) }
}
