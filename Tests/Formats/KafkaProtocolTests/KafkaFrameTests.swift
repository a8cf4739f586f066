import Bytes
import KafkaProtocol
import Testing

@Suite struct KafkaFrameTests {
    /// The frame at the start of `bytes`, copied.
    private func first(
        _ bytes: [UInt8], maximumByteCount: Int = KafkaFrame.defaultMaximumByteCount
    ) throws(MalformedBytes) -> [UInt8]? {
        let frame = try KafkaFrame.first(
            in: bytes.span.bytes, maximumByteCount: maximumByteCount)
        guard let frame else { return nil }
        return Array(copying: frame)
    }

    @Test func `a frame is handed on once it is there whole`() throws {
        let bytes: [UInt8] = [0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 9]
        for count in 0..<7 {
            #expect(try first(Array(bytes[..<count])) == nil)
        }
        #expect(try first(bytes) == [1, 2, 3])
        #expect(KafkaFrame.byteCount(of: bytes.span.bytes.extracting(first: 3)) == 7)
    }

    @Test(arguments: [
        [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 9], [0x7F, 0xFF, 0xFF, 0xFF],
    ])
    func `an impossible size is refused as soon as it is there`(size: [UInt8]) {
        #expect(throws: MalformedBytes.self) { try first(size, maximumByteCount: 8) }
    }

    @Test func `a frame of just the largest size passes`() throws {
        #expect(try first([0, 0, 0, 2, 7, 8], maximumByteCount: 2) == [7, 8])
    }
}
