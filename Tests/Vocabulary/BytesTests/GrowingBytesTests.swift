import Bytes
import Testing

@Suite struct GrowingBytesTests {
    @Test func `what is appended is there, however often the memory grows`() {
        var buffer = GrowingBytes()
        var expected: [UInt8] = []
        for round in 0..<2000 {
            let more = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: round % 97)
            buffer.append(more)
            buffer.append(byte: 1)
            buffer.append("né")
            expected += more + [1] + Array("né".utf8)
        }
        expect(buffer, expected)
    }

    @Test func `integers and varints are written as the byte writer writes them`() {
        var buffer = GrowingBytes()
        var writer = ByteWriter()
        for value in [0, 1, -1, 63, 64, -64, -65, 300, Int64(Int32.max), .min, .max] {
            buffer.varint(value)
            writer.varint(value)
            buffer.unsignedVarint(UInt64(bitPattern: value))
            writer.unsignedVarint(UInt64(bitPattern: value))
            buffer.int(value)
            writer.int(value)
            buffer.int(Int16(truncatingIfNeeded: value))
            writer.int(Int16(truncatingIfNeeded: value))
        }
        expect(buffer, writer.bytes)
    }

    @Test func `a number is written as its description`() {
        var buffer = GrowingBytes()
        var expected = ""
        var numbers: [UInt64] = [0, 1, 9, 12, .max - 1, .max]
        var power: UInt64 = 10
        while true {
            numbers += [power - 1, power, power + 1]
            let (next, overflows) = power.multipliedReportingOverflow(by: 10)
            if overflows { break }
            power = next
        }
        for number in numbers {
            buffer.decimal(number)
            expected += "\(number)"
            #expect(decimalDigitCount(number) == "\(number)".count)
        }
        expect(buffer, Array(expected.utf8))
    }

    @Test func `a patch changes its bytes only`() {
        var buffer = GrowingBytes()
        buffer.append([1, 2, 3, 4, 5, 6])
        buffer.patch(UInt32(0xAABB_CCDD), at: 1)
        expect(buffer, [1, 0xAA, 0xBB, 0xCC, 0xDD, 6])
        var span = buffer.mutableSpan
        span.storeBytes(of: 9, toByteOffset: 5, as: UInt8.self)
        expect(buffer, [1, 0xAA, 0xBB, 0xCC, 0xDD, 9])
    }

    @Test func `clearing keeps the memory up to the limit`() {
        var buffer = GrowingBytes()
        buffer.append([UInt8](repeating: 7, count: 100_000))
        buffer.removeAll(keepingAtMost: 1000)
        expect(buffer, [])
        buffer.append([1, 2])
        buffer.truncate(to: 1)
        expect(buffer, [1])
    }
}

private func expect(
    _ buffer: borrowing GrowingBytes, _ expected: [UInt8],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let (bytes, count) = (Array(copying: buffer.span), buffer.count)
    #expect(bytes == expected, sourceLocation: sourceLocation)
    #expect(count == expected.count, sourceLocation: sourceLocation)
}
