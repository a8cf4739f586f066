import Bytes
import Testing

@Suite struct ByteReaderTests {
    @Test func `varints come back at every length`() throws {
        var writer = ByteWriter()
        var values: [Int64] = [0, -1, 1]
        for shift in 0..<63 { values += [1 << shift, -(1 << shift), (1 << shift) - 1] }
        values += [.max, .min]
        for value in values {
            let before = writer.count
            writer.varint(value)
            #expect(writer.count - before == ByteWriter.varintByteCount(value))
        }
        var reader = ByteReader(writer.bytes.span.bytes)
        for value in values {
            let read = try reader.varint()
            #expect(read == value)
        }
        let isAtEnd = reader.isAtEnd
        #expect(isAtEnd)
    }

    @Test func `a varint of more than 64 bits is refused`() {
        let tooLong: [[UInt8]] = [
            [UInt8](repeating: 0x80, count: 10) + [0],
            [UInt8](repeating: 0xFF, count: 9) + [0x02],
            [UInt8](repeating: 0xFF, count: 9) + [0x81, 0x00],
        ]
        for bytes in tooLong {
            #expect(throws: MalformedBytes.varintTooLong) {
                var reader = ByteReader(bytes.span.bytes)
                _ = try reader.unsignedVarint()
            }
        }
        for bytes in [[], [0x80], [0xFF, 0xFF]] as [[UInt8]] {
            #expect(throws: MalformedBytes.truncated) {
                var reader = ByteReader(bytes.span.bytes)
                _ = try reader.unsignedVarint()
            }
        }
    }

    @Test func `nothing is read beyond the end`() throws {
        let bytes: [UInt8] = [1, 2, 3]
        func failure(_ body: (inout ByteReader) throws(MalformedBytes) -> Void) -> MalformedBytes? {
            var reader = ByteReader(bytes.span.bytes)
            do throws(MalformedBytes) {
                try body(&reader)
                return nil
            } catch {
                return reader.position == 0 ? error : nil
            }
        }
        #expect(failure { r throws(MalformedBytes) in _ = try r.int(UInt32.self) } == .truncated)
        #expect(failure { r throws(MalformedBytes) in _ = try r.bytes(4) } == .truncated)
        #expect(failure { r throws(MalformedBytes) in _ = try r.bytes(-1) } == .badLength(-1))
        #expect(failure { r throws(MalformedBytes) in try r.skip(4) } == .truncated)
        #expect(failure { r throws(MalformedBytes) in try r.skip(-1) } == .badLength(-1))
        var reader = ByteReader(bytes.span.bytes)
        let number = try reader.int(UInt16.self)
        let last = try Array(copying: reader.bytes(1))
        let remaining = reader.remaining
        #expect(number == 0x0102)
        #expect(last == [3])
        #expect(remaining == 0)
    }

    @Test func `text is UTF-8 or refused`() throws {
        let bytes: [UInt8] = [0xC3, 0xA9, 0xFF]
        var reader = ByteReader(bytes.span.bytes)
        let text = try reader.string(2)
        #expect(text == "é")
        #expect(throws: MalformedBytes.notUTF8) {
            var reader = ByteReader(bytes.span.bytes)
            _ = try reader.string(3)
        }
    }
}

@Suite struct SpanSearchTests {
    @Test func `prefixes, equality and search see exactly the bytes`() {
        let bytes = Array("orders.eu".utf8)
        let span = bytes.span.bytes
        let (start, tail, longer) = (Array(bytes[..<3]), Array(bytes[1...]), bytes + [0])
        let prefixes = [
            span.hasPrefix("orders."), span.hasPrefix(""), span.hasSameBytes(as: "orders.eu"),
            span.from(7).hasSameBytes(as: "eu"), span.hasPrefix(start.span.bytes),
            span.hasSameBytes(as: bytes.span.bytes),
        ]
        #expect(prefixes == [true, true, true, true, true, true])
        let others = [
            span.hasPrefix("orders.eu."), span.hasSameBytes(as: "orders.e"), span.hasPrefix("x"),
            span.hasSameBytes(as: tail.span.bytes), span.hasPrefix(longer.span.bytes),
        ]
        #expect(others == [false, false, false, false, false])
        let places = [
            span.firstPosition(of: UInt8(ascii: ".")),
            span.firstPosition(of: UInt8(ascii: "e"), from: 4),
            span.firstPosition(of: UInt8(ascii: "x")), span.from(9).firstPosition(of: 0),
        ]
        #expect(places == [6, 7, nil, nil])
        let number = span.int(at: 0, as: UInt16.self)
        #expect(number == 0x6F72)
    }
}

@Suite struct UTF8Tests {
    @Test(arguments: [
        ([], true), ([0x61, 0x00, 0x7F], true), ([0xC3, 0xA9], true), ([0xF0, 0x9F, 0x98, 0x80], true),
        ([0xC3], false), ([0xA9], false), ([0xC0, 0x80], false), ([0xED, 0xA0, 0x80], false),
        ([0xF4, 0x90, 0x80, 0x80], false), ([0x61, 0xFF], false),
    ] as [([UInt8], Bool)])
    func `text is told from other bytes`(bytes: [UInt8], isText: Bool) {
        #expect(bytes.span.bytes.isUTF8 == isText)
    }
}
