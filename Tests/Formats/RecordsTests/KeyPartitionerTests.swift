import Bytes
import Records
import Testing

@Suite struct KeyPartitionerTests {
    /// What kafka-python's `murmur2` gives, which is what Java's does.
    @Test(
        arguments: [
            ("", 275_646_681), ("a", 2_731_586_172), ("ab", 316_155_434), ("abc", 479_470_107),
            ("abcd", 2_971_317_748), ("eu.17", 2_133_875_669), ("21", 3_321_034_988),
            ("foobar", 3_504_634_814), ("a-little-bit-long-string", 3_308_985_760),
        ] as [(String, UInt32)])
    func `a key hashes as in other clients`(key: String, hash: UInt32) {
        let bytes = Array(key.utf8)
        #expect(KeyPartitioner.murmur2(bytes.span.bytes) == hash)
        #expect(
            KeyPartitioner.partition(of: bytes.span.bytes, partitionCount: 6)
                == Int(hash & 0x7FFF_FFFF) % 6)
    }

    @Test func `bytes above 127 are not signed`() {
        let bytes: [UInt8] = [0xFF, 0xFE, 0xFD]
        #expect(KeyPartitioner.murmur2(bytes.span.bytes) == 998_637_092)
    }
}
