import Bytes
import Model
import Storage
import Testing

/// docs/formats/wal.md, read by hand: this file knows the document and nothing of the code.
@Suite struct FormatTests {
    private let disk = MemoryFileSystem()

    private func folderID() throws -> [UInt8] {
        let lines = String(decoding: try #require(disk["/data/format"]), as: UTF8.self)
            .split(separator: "\n")
        #expect(lines.prefix(2) == ["duolog data folder", "format 2"])
        let digits = lines[2].dropFirst(3).map { UInt8($0.hexDigitValue!) }
        return stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private func seed(_ id: [UInt8], file: UInt64, offset: Int) -> UInt32 {
        var bytes = ByteWriter()
        bytes.append(id)
        bytes.int(file)
        bytes.int(UInt64(offset))
        return crc32c(bytes.bytes.span.bytes)
    }

    @Test func `a file begins with its header`() throws {
        let (log, _, _) = try open("/data", options(disk))
        log.close()
        let file = try #require(disk[logPath(1)])
        var reader = ByteReader(file.span.bytes)
        #expect(try reader.string(8) == "DUOLOGWL")
        #expect(
            try reader.int(UInt32.self) == crc32c(file.span.bytes.extracting(12..<4096)))
        #expect(try reader.int(UInt32.self) == 2)
        #expect(try reader.int(UInt64.self) == 1)
        #expect(Array(copying: try reader.bytes(16)) == (try folderID()))
        #expect(try reader.int(Int64.self) > 1_700_000_000_000_000_000)
        #expect(file[48..<4096].allSatisfy { $0 == 0 })
    }

    @Test func `a frame is the bytes of the document, and a mark follows the last`() throws {
        let (log, _, _) = try open("/data", options(disk))
        let header = FrameHeader(
            kind: .group, log: LogID(0x0102_0304), epoch: 5, baseOffset: Offset(6),
            lastOffset: Offset(0x0708), appendTime: Timestamp(nanoseconds: -2))
        try log.append(header, [0xAA, 0xBB, 0xCC])
        log.close()
        let file = try #require(disk[logPath(1)])
        let seed = seed(try folderID(), file: 1, offset: 4096)

        let payload: [UInt8] = [0xAA, 0xBB, 0xCC, 0, 0, 0, 0, 0]
        var tail = ByteWriter()
        tail.int(crc32c(payload.span.bytes, seed: seed))
        tail.int(UInt32(3))
        tail.int(UInt32(4096))
        tail.int(UInt32(0x0102_0304))
        tail.int(Int32(5))
        tail.append([4, 0, 0, 0])
        tail.int(Int64(6))
        tail.int(Int64(0x0708))
        tail.int(Int64(-2))
        var frame = ByteWriter()
        frame.append("DUOF")
        frame.int(crc32c(tail.bytes.span.bytes, seed: seed))
        frame.append(tail.bytes)
        frame.append(payload)
        #expect(Array(file[4096..<4160]) == frame.bytes)

        #expect(Array(file[4160..<4164]) == Array("DUOF".utf8))
        #expect(file[4160 + 28] == 255)
        #expect(Array(file[4160 + 16..<4160 + 20]) == [0, 0, 0x10, 0x40])
        #expect(file.count == 4160 + 56)
    }

    @Test func `every frame of every file can be walked, and a file that is followed has its end`()
        throws
    {
        var small = options(disk)
        // Blocks of memory are used again, so that padding shows what is left in them.
        small.tailByteCount = 0
        small.fileByteCount = 3 << 20
        let (log, _, _) = try open("/data", small)
        for index in 0..<9000 {
            try log.append(
                header(Int64(index)), [UInt8](repeating: 0xFF, count: 500 + index % 200))
            if index % 100 == 99 { log.flush() }
        }
        log.close()
        let id = try folderID()
        var next: Int64 = 0
        var kinds: [UInt8] = []
        for number in 1...2 {
            let file = try #require(disk[logPath(number)])
            var offset = 4096
            while offset + 56 <= file.count, file[offset] != 0 {
                let frame = file.span.bytes.extracting(offset..<file.count)
                let payload = Int(frame.int(at: 12, as: UInt32.self))
                let end = (56 + payload + 7) & ~7
                let seed = seed(id, file: UInt64(number), offset: offset)
                #expect(
                    frame.int(at: 4, as: UInt32.self)
                        == crc32c(frame.extracting(8..<56), seed: seed))
                #expect(
                    frame.int(at: 8, as: UInt32.self)
                        == crc32c(frame.extracting(56..<end), seed: seed))
                #expect(file[offset + 56 + payload..<offset + end].allSatisfy { $0 == 0 })
                if file[offset + 28] == 1 {
                    #expect(frame.int(at: 32, as: Int64.self) == next)
                    next += 1
                } else {
                    kinds.append(file[offset + 28])
                }
                offset += end
            }
        }
        #expect(next == 9000)
        #expect(kinds == [254, 255])
    }
}
