import Glibc
import Model
import Platform
import Storage
import Synchronization
import Testing

/// Where the disk is fast and one client alone waits, whoever submits writes and syncs.
@Suite struct SyncInPlaceTests {
    let disk = MemoryFileSystem()
    let clock = TestClock()
    let told = Told()

    /// A log whose disk takes no time at all, after so many syncs that it is known to be fast.
    private func fastLog() throws -> WriteAheadLog {
        var fast = options(disk)
        fast.time = clock.source
        fast.fatal = { [told] in told.set($0) }
        let (log, _, _) = try open("/data", fast)
        for index in 0..<20 {
            try log.append(header(Int64(index)), payload(index, byteCount: 20))
            log.flush()
        }
        return log
    }

    /// Appends until a sync was made in place: the thread may be about to end its last one.
    private func appendUntilInPlace(_ log: WriteAheadLog, from first: Int64) throws -> Int64 {
        for offset in first..<first + 1000 {
            usleep(1000)
            try log.append(header(offset), [1])
            log.submit(maySync: true)
            if log.durableMark == log.appendedMark { return offset + 1 }
            log.flush()
        }
        Issue.record("never in place")
        return first
    }

    @Test func `what one client waits for is durable when it was submitted`() throws {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        let syncs = disk.syncCount
        for offset in next..<next + 200 {
            try log.append(header(offset), payload(Int(offset), byteCount: 300))
            log.submit(maySync: true)
            #expect(log.durableMark == log.appendedMark)
        }
        // Files end on the way, and each has syncs of its own.
        #expect(disk.syncCount >= syncs + 200)
        let crashed = disk.afterPowerLoss(seed: 7)
        log.close()
        let (again, frames, report) = try open("/data", options(crashed))
        #expect(frames.map(\.header.baseOffset.value) == Array(0..<next + 200))
        #expect(report.damage.isEmpty)
        again.close()
    }

    @Test func `much at once and what nobody waits for is left to the thread`() throws {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        disk.faults.isSyncHeld = true
        try log.append(header(next), payload(1, byteCount: 17 << 10))
        log.submit(maySync: true)
        try log.append(header(next + 1), [2])
        log.submit()
        // One is under way: the next must not wait for it here.
        try log.append(header(next + 2), [3])
        log.submit(maySync: true)
        #expect(log.durableMark < log.appendedMark)
        disk.faults.isSyncHeld = false
        #expect(log.flush())
        log.close()
    }

    @Test func `after a slow sync the thread syncs until the disk is fast again`() throws {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        disk.faults.isSyncHeld = true
        try log.append(header(next), [1])
        log.submit()
        while log.writtenMark < log.appendedMark { sched_yield() }
        // The clock is read before the sync, and that is held.
        usleep(20_000)
        clock.advance(nanoseconds: 600_000)
        disk.faults.isSyncHeld = false
        #expect(log.flush())
        usleep(20_000)
        disk.faults.isSyncHeld = true
        try log.append(header(next + 1), [1])
        log.submit(maySync: true)
        #expect(log.durableMark < log.appendedMark)
        disk.faults.isSyncHeld = false
        #expect(log.flush())
        _ = try appendUntilInPlace(log, from: next + 2)
        log.close()
    }

    @Test func `a write or sync that fails in place is fatal and acknowledges nothing`() throws {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        let durable = log.durableMark
        disk.faults.syncErrno = EIO
        try log.append(header(next), [1])
        log.submit(maySync: true)
        #expect(log.durableMark == durable)
        #expect(told.error == .failed(SystemError("fdatasync", logPath(1), errno: EIO)))
        disk.faults.syncErrno = nil
        log.submit(maySync: true)
        #expect(throws: StorageError.closed) { try log.append(header(next + 1), [2]) }
        #expect(!log.flush())
        log.close()
    }

    @Test func `a log that becomes idle after syncs in place marks its end`() async throws {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        for offset in next..<next + 10 {
            try log.append(header(offset), [1])
            log.submit(maySync: true)
        }
        let writes = disk.writeCount
        clock.advance(nanoseconds: 1_100_000_000)
        for _ in 0..<200 where disk.writeCount == writes {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(disk.writeCount == writes + 1)
        log.close()
    }

    @Test func `a thread that wakes during a sync in place does not sleep through what is due later`()
        async throws
    {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        disk.faults.isSyncHeld = true
        let release = Task.detached { [disk] in
            // Longer than the thread sleeps where nothing comes.
            try await Task.sleep(for: .milliseconds(1500))
            disk.faults.isSyncHeld = false
        }
        try log.append(header(next), [1])
        log.submit(maySync: true)
        #expect(log.durableMark == log.appendedMark)
        try await release.value
        let writes = disk.writeCount
        clock.advance(nanoseconds: 1_100_000_000)
        for _ in 0..<200 where disk.writeCount == writes {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(disk.writeCount == writes + 1)
        log.close()
    }

    @Test func `what was written in place without a sync is synced when it is due`() async throws {
        let log = try fastLog()
        let next = try appendUntilInPlace(log, from: 20)
        let bytes = payload(0, byteCount: 10)
        let head = header(next)
        _ = try log.append(head, durability: .within(nanoseconds: 300_000_000), bytes.span.bytes)
        log.submit(maySync: true)
        #expect(log.writtenMark == log.appendedMark)
        #expect(log.durableMark < log.appendedMark)
        clock.advance(nanoseconds: 300_000_000)
        for _ in 0..<200 where log.durableMark < log.appendedMark {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(log.durableMark == log.appendedMark)
        log.close()
    }
}
