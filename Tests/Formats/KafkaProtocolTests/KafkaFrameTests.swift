import Bytes
import KafkaProtocol
import Testing

@Suite struct KafkaFrameTests {
    @Test func `a frame is handed on once it is there whole`() throws {
        let bytes: [UInt8] = [0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 9]
        for count in 0..<7 {
            let frame = try KafkaFrame.first(in: bytes.span.bytes.extracting(first: count))
            #expect(frame == nil)
        }
        let frame = try #require(try KafkaFrame.first(in: bytes.span.bytes))
        #expect(Array(copying: frame) == [1, 2, 3])
        #expect(KafkaFrame.byteCount(of: frame) == 7)
    }
}
