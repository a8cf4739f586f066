import Glibc
import Model
import Platform
import Storage
import Testing

/// A disk that is full or broken: nothing is promised that it cannot take, and a failed write ends
/// it all.
@Suite struct FullDiskTests {
    let disk = MemoryFileSystem()

    @Test func `a full disk refuses an append before anything is taken`() throws {
        let (log, _, _) = try open("/data", options(disk))
        disk.faults.freeByteCount = 0
        var positions: [WALPosition] = []
        var refusal: StorageError?
        while refusal == nil {
            do {
                positions.append(
                    try log.append(
                        header(Int64(positions.count)), payload(positions.count, byteCount: 1000)))
                log.submit()
            } catch let error as StorageError {
                refusal = error
            }
        }
        guard case .storageFull(let cause) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(cause.errno == ENOSPC)
        #expect(positions.count == ((64 << 10) - 4096 - 56) / 1056)
        let mark = log.appendedMark
        #expect(throws: StorageError.self) {
            try log.append(header(99), payload(0, byteCount: 1000))
        }
        #expect(log.appendedMark == mark)
        // What fits still goes in, and everything can be read.
        positions.append(try log.append(header(Int64(positions.count)), [1]))
        #expect(log.flush())
        #expect(try log.read(positions[0], byteCount: 1000) == payload(0, byteCount: 1000))
        log.close()
        let (again, frames, report) = try open("/data", options(disk))
        #expect(frames.map(\.position) == positions)
        #expect(report.damage.isEmpty)
        #expect(report.cut == nil)
        again.close()
    }

    @Test func `appends go on by themselves when space has come back`() async throws {
        let (log, _, _) = try open("/data", options(disk))
        disk.faults.freeByteCount = 0
        try log.append(header(0), payload(0, byteCount: 50_000))
        #expect(throws: StorageError.self) {
            try log.append(header(1), payload(1, byteCount: 50_000))
        }
        disk.faults.freeByteCount = nil
        // The next attempt is a tenth of a second away at most.
        var position: WALPosition?
        for _ in 0..<100 where position == nil {
            position = try? log.append(header(1), payload(1, byteCount: 50_000))
            if position == nil { try await Task.sleep(for: .milliseconds(20)) }
        }
        #expect(position?.fileNumber == 2)
        #expect(log.flush())
        log.close()
        let (again, frames, report) = try open("/data", options(disk))
        #expect(frames.map(\.payload) == [0, 1].map { payload($0, byteCount: 50_000) })
        #expect(report.damage.isEmpty)
        again.close()
    }

    @Test func `the space is asked for again each second, without an append`() async throws {
        let (log, _, _) = try open("/data", options(disk))
        disk.faults.freeByteCount = 0
        try log.append(header(0), payload(0, byteCount: 50_000))
        #expect(throws: StorageError.self) {
            try log.append(header(1), payload(1, byteCount: 50_000))
        }
        #expect(disk[logPath(2)] == nil)
        disk.faults.freeByteCount = nil
        for _ in 0..<100 where disk[logPath(2)] == nil {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(disk[logPath(2)] != nil)
        log.close()
    }

    @Test func `a log on a full disk opens, can be read, and takes appends when there is space`()
        async throws
    {
        let (log, _, _) = try open("/data", options(disk))
        let position = try log.append(header(0), payload(0, byteCount: 500))
        log.close()
        disk.faults.freeByteCount = 0
        let (again, frames, _) = try open("/data", options(disk))
        #expect(frames.count == 1)
        #expect(try again.read(position, byteCount: 500) == payload(0, byteCount: 500))
        #expect(throws: StorageError.self) { try again.append(header(1), [1]) }
        disk.faults.freeByteCount = nil
        try await Task.sleep(for: .milliseconds(120))
        try again.append(header(1), [1])
        again.close()
        let (third, all, report) = try open("/data", options(disk))
        #expect(all.map(\.header.baseOffset.value) == [0, 1])
        #expect(report.damage.isEmpty)
        third.close()
    }

    @Test func `a frame that needs more than there is is refused, and smaller ones are taken`()
        async throws
    {
        let (log, _, _) = try open("/data", options(disk))
        disk.faults.freeByteCount = 100_000
        #expect(throws: StorageError.self) {
            try log.append(header(0), payload(0, byteCount: 200_000))
        }
        let position = try log.append(header(0), payload(0, byteCount: 1000))
        #expect(position == WALPosition(rawValue: 1 << 32 | 512))
        try await Task.sleep(for: .milliseconds(120))
        try log.append(header(1), payload(1, byteCount: 60_000))
        log.close()
        let (again, frames, report) = try open("/data", options(disk))
        #expect(frames.count == 2)
        #expect(report.damage.isEmpty)
        again.close()
    }

    @Test func `a disk smaller than one file is used to its end`() throws {
        disk.faults.freeByteCount = 40_000
        let (log, _, _) = try open("/data", options(disk))
        var count = 0
        #expect(throws: StorageError.self) {
            while true {
                try log.append(header(Int64(count)), payload(count, byteCount: 500))
                log.submit()
                count += 1
            }
        }
        #expect(count * 560 > 20_000)
        log.close()
        let (again, frames, report) = try open("/data", options(disk))
        #expect(frames.count == count)
        #expect(report.damage.isEmpty)
        again.close()
    }

    @Test func `a frame above the limit is refused for its size`() throws {
        var limited = options(disk)
        limited.maximumPayloadByteCount = 1000
        let (log, _, _) = try open("/data", limited)
        #expect(throws: StorageError.frameTooLarge(byteCount: 1001, limit: 1000)) {
            try log.append(header(0), payload(0, byteCount: 1001))
        }
        try log.append(header(0), payload(0, byteCount: 1000))
        log.close()
    }

    @Test func `short writes are completed`() throws {
        disk.faults.writeByteCountLimit = 100
        let (log, _, _) = try open("/data", options(disk))
        for index in 0..<20 {
            try log.append(header(Int64(index)), payload(index, byteCount: 777))
        }
        log.close()
        let (again, frames, report) = try open("/data", options(disk))
        #expect(frames.map(\.payload) == (0..<20).map { payload($0, byteCount: 777) })
        #expect(report.damage.isEmpty)
        again.close()
    }

    @Test(arguments: ["write", "fdatasync"])
    func `a failed write or sync is fatal and acknowledges nothing`(operation: String) throws {
        let told = Told()
        var fatal = options(disk)
        fatal.fatal = { told.set($0) }
        let (log, _, _) = try open("/data", fatal)
        try log.append(header(0), [1])
        #expect(log.flush())
        let durable = log.durableMark
        if operation == "write" {
            disk.faults.writeErrno = EIO
        } else {
            disk.faults.syncErrno = EIO
        }
        try log.append(header(1), [2])
        #expect(!log.flush())
        #expect(log.durableMark == durable)
        #expect(told.error == .failed(SystemError(operation, logPath(1), errno: EIO)))
        // The disk is well again, but what it did with the lost write nobody knows.
        disk.faults.writeErrno = nil
        disk.faults.syncErrno = nil
        log.submit()
        #expect(throws: StorageError.closed) { try log.append(header(2), [3]) }
        #expect(!log.flush())
        log.close()
        let (again, frames, _) = try open("/data", options(disk))
        #expect(frames.first?.header.baseOffset.value == 0)
        again.close()
    }

    @Test func `a disk that cannot be read fails the start with file and errno`() throws {
        try open("/data", options(disk)).log.close()
        disk.faults.readErrno = EIO
        #expect { try WriteAheadLog(directory: "/data", options: options(disk)) } throws: { error in
            error as? StorageError == .failed(SystemError("read", "/data/format", errno: EIO))
        }
    }
}

/// What the fatal hook was told.
final class Told: @unchecked Sendable {
    private let monitor = Monitor()
    private var value: StorageError?

    func set(_ error: StorageError) { monitor.withLock { value = error } }
    var error: StorageError? { monitor.withLock { value } }
}
