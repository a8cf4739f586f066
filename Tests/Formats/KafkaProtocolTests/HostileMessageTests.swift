import Bytes
import KafkaProtocol
import Testing

@Suite struct HostileMessageTests {
    @Test(arguments: MessageCase.all)
    func `a message cut off anywhere is refused`(message: MessageCase) {
        for seed in 0..<2 as Range<UInt64> {
            let body = message.filled(seed: seed)
            let accepted = (0..<body.count).filter {
                (try? message.again(Array(body[..<$0]))) != nil
            }
            #expect(accepted.isEmpty)
        }
    }

    /// Whatever is accepted is then written and read again, to the same bytes.
    @Test(arguments: MessageCase.all)
    func `random damage is refused or means something`(message: MessageCase) throws {
        var chance = SeededNumbers(seed: 0xD00106)
        for seed in 0..<40 as Range<UInt64> {
            var body = message.filled(seed: seed)
            for _ in 0..<Int.random(in: 1...4, using: &chance) where !body.isEmpty {
                let place = Int.random(in: 0..<body.count, using: &chance)
                switch Int.random(in: 0..<5, using: &chance) {
                case 0: body[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &chance)!
                case 1: body[place] ^= 1 << UInt8.random(in: 0..<8, using: &chance)
                case 2: body.insert(0xFF, at: place)
                case 3: body.remove(at: place)
                default: body.removeSubrange(place...)
                }
            }
            guard let written = try? message.again(body) else { continue }
            #expect(try message.again(written) == written)
        }
    }

    @Test(arguments: [
        [0x7F, 0xFF, 0xFF, 0xFF], [0, 0, 0, 5], [0x80, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFE],
    ])
    func `a count of more elements than there are bytes is refused`(count: [UInt8]) {
        #expect(throws: MalformedBytes.self) {
            try decoded(DescribeGroupsRequest.self, count + [0, 0, 0], version: 0)
        }
    }

    @Test(arguments: [
        [0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x80, 0x80, 0x80, 0x80, 0x10],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x05],
    ])
    func `a compact count of more elements than there are bytes is refused`(count: [UInt8]) {
        #expect(throws: MalformedBytes.self) {
            try decoded(DescribeGroupsRequest.self, count + [1, 0, 0], version: 5)
        }
        #expect(throws: MalformedBytes.self) {
            try decoded(HeartbeatRequest.self, count + [1, 0, 0], version: 4)
        }
    }

    @Test func `a null where the version has none is refused`() {
        #expect(throws: MalformedBytes.badLength(-1)) {
            try decoded(MetadataRequest.self, [0xFF, 0xFF, 0xFF, 0xFF], version: 0)
        }
        #expect(throws: MalformedBytes.badLength(-1)) {
            try decoded(HeartbeatRequest.self, [0, 0, 0, 0], version: 4)
        }
        #expect(throws: MalformedBytes.badLength(-1)) {
            try decoded(SyncGroupResponse.self, [0, 0, 0xFF, 0xFF, 0xFF, 0xFF], version: 0)
        }
    }

    @Test func `a length below -1 is refused`() {
        #expect(throws: MalformedBytes.badLength(-2)) {
            try decoded(InitProducerIdRequest.self, [0xFF, 0xFE, 0, 0, 0, 0], version: 0)
        }
    }

    @Test func `a text beyond the protocol's limit is refused in the compact form too`() {
        // uvarint 32,769 is a length of 32,768
        let body = [0x81, 0x80, 0x02] + [UInt8](repeating: 0x61, count: 33_000)
        #expect(throws: MalformedBytes.badLength(32_768)) {
            try decoded(FindCoordinatorRequest.self, body, version: 3)
        }
    }

    @Test func `text that is not UTF-8 is refused`() {
        #expect(throws: MalformedBytes.notUTF8) {
            try decoded(FindCoordinatorRequest.self, [0, 2, 0xC3, 0x28], version: 0)
        }
    }

    @Test func `a request of very many tiny elements is refused before it is read`() {
        let count = KafkaDecoder.maximumElementCount + 1
        var writer = ByteWriter()
        writer.unsignedVarint(UInt64(count) + 1)
        writer.append(repeatElement(1, count: count + 16))
        #expect(throws: MalformedBytes.badLength(count)) {
            try decoded(DescribeGroupsRequest.self, writer.bytes, version: 5)
        }
    }

    @Test func `the limit of elements holds for all arrays of a request together`() {
        // OffsetFetch v8: groups of one topic list each that says it has 100,000 topics of one byte
        var writer = ByteWriter()
        writer.unsignedVarint(21)
        for _ in 0..<20 {
            writer.append([1])
            writer.unsignedVarint(100_001)
            for _ in 0..<100_000 { writer.append([1, 1, 0]) }
            writer.append([0])
        }
        writer.append([0, 0])
        #expect(throws: MalformedBytes.badLength(100_000)) {
            try decoded(OffsetFetchRequest.self, writer.bytes, version: 8)
        }
    }
}
