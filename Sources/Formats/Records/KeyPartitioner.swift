import Bytes

/// Which partition of a topic a key belongs to, as Kafka's default partitioner says, so that both
/// sides agree on the order of each key.
///
/// Source: Kafka producer configuration, `partitioner.class`; murmur2 by Austin Appleby, 32 bits,
/// with Kafka's seed.
public enum KeyPartitioner {
    /// The partition of `key`, from 0.
    ///
    /// - Precondition: `partitionCount` is positive.
    public static func partition(of key: RawSpan, partitionCount: Int) -> Int {
        Int(murmur2(key) & 0x7FFF_FFFF) % partitionCount
    }

    /// The hash that Kafka's Java producer takes of a key.
    public static func murmur2(_ bytes: RawSpan) -> UInt32 {
        let mixer: UInt32 = 0x5BD1_E995
        let byteCount = bytes.byteCount
        var hash = 0x9747_B28C ^ UInt32(truncatingIfNeeded: byteCount)
        var position = 0
        while byteCount - position >= 4 {
            // Little endian.
            var word = bytes.int(at: position, as: UInt32.self).byteSwapped
            word = word &* mixer
            word ^= word >> 24
            hash = (hash &* mixer) ^ (word &* mixer)
            position += 4
        }
        if position < byteCount {
            for index in (position..<byteCount).reversed() {
                hash ^= UInt32(bytes[index]) << UInt32(8 * (index - position))
            }
            hash = hash &* mixer
        }
        hash ^= hash >> 13
        hash = hash &* mixer
        return hash ^ (hash >> 15)
    }
}
