import Glibc
import Model
import Platform
import Simulation
import Storage
import Synchronization
import Testing

/// What the simulation found, told as stories.
@Suite struct FoundBugTests {
    private let disk = SimulatedDisk(SeededRandom(1), trace: Trace())

    @Test func `a file made by a process that was killed has a durable name before frames are in it`()
        throws
    {
        // Killed when the first file of the log was made, and its folder not yet synced.
        var log: WriteAheadLog?
        for operations in 1... {
            disk.operationsUntilCrash = operations
            log = try? WriteAheadLog(directory: "/data", options: options())
            _ = try? log?.replay { _, _, _ in }
            let isMade = disk.paths.contains { $0.hasSuffix(".wal") }
            let isOff = disk.isOff
            disk.endProcess()
            log = nil
            guard isOff else { break }
            if !isMade { continue }
            let second = try WriteAheadLog(directory: "/data", options: options())
            _ = try second.replay { _, _, _ in }
            try append(to: second, "a")
            #expect(second.flush())
            disk.losePower()
            #expect(try frames() == ["a"], "killed at operation \(operations)")
            disk.losePower()
            for path in disk.paths { try disk.remove(path) }
            disk.losePower()
        }
    }

    @Test func `what is shown after a sync that failed is not lost with the page cache`() throws {
        for seed in UInt64(0)..<40 {
            let disk = SimulatedDisk(SeededRandom(seed), trace: Trace())
            let log = try WriteAheadLog(directory: "/data", options: options(disk))
            _ = try log.replay { _, _, _ in }
            try append(to: log, "a")
            #expect(log.flush())
            disk.faults.syncError = 1
            try append(to: log, "b")
            #expect(!log.flush())
            disk.endProcess()
            disk.faults.syncError = 0
            // The kernel may still have it in memory, and takes it for written.
            let shown = try frames(disk)
            disk.losePower()
            #expect(try frames(disk) == shown, "seed \(seed)")
        }
    }

    @Test func `a sync of zeros that fails ends the log, as frames that wait for theirs may be lost with them`() throws {
        var options = options()
        options.fileByteCount = 256 << 10
        let failed = Failed()
        options.fatal = { _ in failed.value.withLock { $0 = true } }
        let log = try WriteAheadLog(directory: "/data", options: options)
        _ = try log.replay { _, _, _ in }
        let header = FrameHeader(
            kind: .batch, log: LogID(1), baseOffset: Offset(0), lastOffset: Offset(0), appendTime: Timestamp(nanoseconds: 1))
        _ = try log.append(header, durability: .never, [UInt8](repeating: 1, count: 50).span.bytes)
        log.submit()
        #expect(log.runWriterStep())
        #expect(log.writtenMark == log.appendedMark && log.durableMark < log.appendedMark)
        disk.faults.syncError = 1
        for _ in 0..<10 where log.runSpaceStep() {}
        disk.faults.syncError = 0
        #expect(failed.value.withLock { $0 })
        #expect(!log.flush())
        #expect(log.durableMark < log.appendedMark)
    }

    private final class Failed: Sendable {
        let value = Mutex(false)
    }

    private func options(_ disk: SimulatedDisk? = nil) -> WriteAheadLog.Options {
        var options = WriteAheadLog.Options()
        options.fileSystem = disk ?? self.disk
        options.fileByteCount = 64 << 10
        options.runsThreads = false
        options.fatal = { _ in }
        return options
    }

    private func append(to log: WriteAheadLog, _ text: String) throws {
        let header = FrameHeader(
            kind: .batch, log: LogID(1), baseOffset: Offset(0), lastOffset: Offset(0),
            appendTime: Timestamp(nanoseconds: 1))
        let bytes = Array(text.utf8)
        _ = try log.append(header, bytes.span.bytes)
    }

    private func frames(_ disk: SimulatedDisk? = nil) throws -> [String] {
        let log = try WriteAheadLog(directory: "/data", options: options(disk))
        var found: [String] = []
        _ = try log.replay { _, payload, _ in
            found.append(payload.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
        }
        (disk ?? self.disk).endProcess()
        return found
    }
}
