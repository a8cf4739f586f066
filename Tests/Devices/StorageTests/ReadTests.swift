import Storage
import Synchronization
import TemporaryFolders
import Testing

/// Reads come from memory where the frame is new and from its file where it is old; both are the
/// same bytes.
@Suite struct ReadTests {
    let folder = TemporaryFolder()

    private func small() -> WriteAheadLog.Options {
        var options = WriteAheadLog.Options()
        options.fileByteCount = 1 << 20
        options.tailByteCount = 1 << 20
        return options
    }

    @Test func `a frame can be read before it was handed to the writer`() throws {
        let (log, _, _) = try open(folder.path)
        let position = try log.append(header(0), payload(0, byteCount: 1000))
        #expect(log.durableMark == 0)
        #expect(try log.read(position, byteCount: 1000) == payload(0, byteCount: 1000))
        log.close()
    }

    @Test func `frames are read while the writer works, from memory and from files`() throws {
        let (log, _, _) = try open(folder.path, small())
        defer { log.close() }
        var random = SeededRandom(5)
        var written: [(WALPosition, Int)] = []
        for index in 0..<3000 {
            let byteCount = Int(random.next() % 4000)
            written.append(
                (
                    try log.append(header(Int64(index)), payload(index, byteCount: byteCount)),
                    byteCount
                ))
            if index % 5 == 0 { log.submit() }
            let pick = Int(random.next() % UInt64(written.count))
            let (position, count) = written[pick]
            let isOld = index > 2500
            #expect(
                try log.read(position, byteCount: count, verifyingPayload: isOld)
                    == payload(pick, byteCount: count))
        }
        #expect(written.last!.0.fileNumber >= 5)
    }

    @Test func `a position or a length that is not a frame's is refused`() throws {
        let (log, _, _) = try open(folder.path)
        let position = try log.append(header(0), payload(0, byteCount: 800))
        for isDurable in [false, true] {
            let wrong = [
                (position, 799), (position, 801),
                (WALPosition(rawValue: position.rawValue + 1), 800),
                (WALPosition(rawValue: position.rawValue + 90), 800),
                (WALPosition(rawValue: position.rawValue + 5000), 800),
                (WALPosition(rawValue: 9 << 32 | 512), 800),
            ]
            for (position, byteCount) in wrong {
                #expect(throws: StorageError.self) {
                    try log.read(position, byteCount: byteCount)
                }
            }
            if !isDurable { log.flush() }
        }
        log.close()
    }

    @Test func `the hook is told each time more is durable`() throws {
        let (log, _, _) = try open(folder.path)
        let calls = Counter()
        log.onDurable = { calls.value.add(1, ordering: .relaxed) }
        for index in 0..<10 {
            try log.append(header(Int64(index)), [1])
            log.flush()
        }
        log.close()
        #expect(calls.value.load(ordering: .relaxed) == 10)
    }

    @Test func `an append waits for the writer when too much is pending`() throws {
        let disk = MemoryFileSystem()
        var limited = options(disk)
        limited.pendingByteCountLimit = 10_000
        let (log, _, _) = try open("/data", limited)
        for index in 0..<200 {
            try log.append(header(Int64(index)), payload(index, byteCount: 1000))
            #expect(log.pendingByteCount <= 10_000)
        }
        // One that is larger than the limit goes alone.
        try log.append(header(200), payload(200, byteCount: 20_000))
        #expect(log.pendingByteCount == 20_056)
        log.close()
        let (again, frames, _) = try open("/data", options(disk))
        #expect(frames.count == 201)
        again.close()
    }
}

private final class Counter: Sendable {
    let value = Atomic(0)
}
