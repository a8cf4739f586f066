import Storage
import TemporaryFolders
import Testing

/// DESIGN section 5: what was appended and durable comes back as it was.
@Suite struct WriteAheadLogTests {
    let folder = TemporaryFolder()

    @Test func `a new folder has an empty log`() throws {
        let (log, frames, report) = try open(folder.path)
        defer { log.close() }
        #expect(frames.isEmpty)
        #expect(report.damage.isEmpty)
        #expect(report.cut == nil)
        #expect(log.appendedMark == 0)
    }

    @Test func `every frame comes back in order, with its header and payload`() throws {
        var expected: [SeenFrame] = []
        do {
            let (log, _, _) = try open(folder.path)
            for index in 0..<500 {
                let bytes = payload(index, byteCount: index)
                var head = header(Int64(index), kind: FrameKind.allCases[index % 5])
                let position = try log.append(head, bytes)
                head.payloadByteCount = index
                expected.append(SeenFrame(header: head, payload: bytes, position: position))
                if index % 7 == 0 { log.submit() }
            }
            #expect(log.flush())
            #expect(log.durableMark == log.appendedMark)
            log.close()
        }
        let (log, frames, report) = try open(folder.path)
        defer { log.close() }
        #expect(frames == expected)
        #expect(report.frameCount == 500)
        #expect(report.damage.isEmpty)
        #expect(report.cut == nil)
    }

    @Test func `frames of any size go across small files and come back`() throws {
        var options = WriteAheadLog.Options()
        options.fileByteCount = 64 << 10
        let sizes = [
            1, 40_000, 30_000, 65_536, 200_000, 0, 7, 8, 3_000_000, 60_000, 61_000, 62_000,
        ]
        do {
            let (log, _, _) = try open(folder.path, options)
            for (index, size) in sizes.enumerated() {
                let position = try log.append(
                    header(Int64(index)), payload(index, byteCount: size))
                #expect(
                    try log.read(position, byteCount: size) == payload(index, byteCount: size))
                log.submit()
            }
            log.close()
        }
        let (log, frames, report) = try open(folder.path, options)
        defer { log.close() }
        #expect(frames.map(\.payload.count) == sizes)
        #expect(
            frames.map(\.payload) == sizes.enumerated().map { payload($0, byteCount: $1) })
        #expect(report.damage.isEmpty)
        #expect(report.fileCount > 5)
    }
}
