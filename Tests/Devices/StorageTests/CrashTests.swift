import Model
import Platform
import Storage
import Testing

/// DESIGN section 5: an acknowledged frame survives every crash, and what survives is a prefix of
/// the log.
@Suite struct CrashTests {
    @Test(arguments: 0..<40)
    func `after a crash at any moment all durable frames are there, in order, unharmed`(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed)
        let disk = MemoryFileSystem()
        var written: [[UInt8]] = []
        var world = disk
        // Several lives on the same disk: each crash is recovered by the next life, which writes
        // on.
        for life in 0..<4 {
            let (log, frames, report) = try open("/data", options(world))
            #expect(report.damage.isEmpty, "seed \(seed), life \(life)")
            #expect(frames.map(\.payload) == Array(written.prefix(frames.count)))
            written.removeSubrange(frames.count...)
            var durableCount = written.count
            var marks: [UInt64] = []
            for _ in 0..<Int(random.next() % 120) {
                let bytes = payload(
                    Int(truncatingIfNeeded: random.next() >> 1),
                    byteCount: Int(random.next() % (random.next() % 16 == 0 ? 90_000 : 900)))
                try log.append(header(Int64(written.count)), bytes)
                written.append(bytes)
                marks.append(log.appendedMark)
                if random.next() % 3 == 0 { log.submit() }
                if random.next() % 16 == 0 { log.flush() }
            }
            // Often the crash comes when a group is written and not yet synced.
            if random.next() % 4 != 0 {
                log.flush()
                for _ in 0...random.next() % 6 {
                    written.append(
                        payload(written.count, byteCount: Int(random.next() % 1500)))
                    try log.append(header(Int64(written.count - 1)), written.last!)
                    marks.append(log.appendedMark)
                }
                let writes = world.writeCount
                world.faults.isSyncHeld = true
                log.submit()
                for _ in 0..<20 where world.writeCount == writes { pause() }
            } else {
                log.submit()
            }
            let durable = log.durableMark
            let crashed =
                random.next() % 3 == 0
                ? world.afterKill() : world.afterPowerLoss(seed: random.next())
            world.faults.isSyncHeld = false
            durableCount += marks.count { $0 <= durable }
            log.close()
            world = crashed
            let (checked, survivors, _) = try open("/data", options(world.afterKill()))
            #expect(survivors.count >= durableCount, "seed \(seed), life \(life)")
            checked.close()
        }
    }

    @Test func `what replay showed survives the power loss after it`() throws {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        disk.faults.isSyncHeld = true
        try log.append(header(0), payload(0, byteCount: 5000))
        log.submit()
        for _ in 0..<1000 where disk.paths.isEmpty || disk[logPath(1)]![5000] == 0 {
            pause()
        }
        let killed = disk.afterKill()
        disk.faults.isSyncHeld = false
        log.close()
        // The process died between write and sync; the next one shows the frame to clients.
        let (again, frames, _) = try open("/data", options(killed))
        #expect(frames.count == 1)
        for seed in 0..<20 {
            let (third, seen, _) = try open(
                "/data", options(killed.afterPowerLoss(seed: UInt64(seed))))
            #expect(seen == frames)
            third.close()
        }
        again.close()
    }

    @Test func `frames that wait for a sync go out as one group`() throws {
        let disk = MemoryFileSystem()
        let (log, _, _) = try open("/data", options(disk))
        try log.append(header(0), [0])
        log.flush()
        disk.faults.isSyncHeld = true
        try log.append(header(1), [1])
        log.submit()
        let durable = log.durableMark
        for index in 2..<50 {
            try log.append(header(Int64(index)), [UInt8(index)])
            log.submit()
        }
        #expect(log.durableMark == durable)
        let syncs = disk.syncCount
        disk.faults.isSyncHeld = false
        #expect(log.flush())
        #expect(disk.syncCount - syncs <= 4)
        log.close()
    }

    @Test func `zeros written ahead never meet a frame`() throws {
        let disk = MemoryFileSystem()
        var large = options(disk)
        large.fileByteCount = 4 << 20
        disk.faults.areZerosHeld = true
        let (log, _, _) = try open("/data", large)
        let thread = Thread(name: "appends") {
            for index in 0..<300 {
                _ = try? log.append(header(Int64(index)), payload(index, byteCount: 1000))
                log.submit()
            }
            log.flush()
        }
        // The first zeros are on their way; what they would cover has to wait for them.
        for _ in 0..<100 { pause() }
        disk.faults.areZerosHeld = false
        thread.join()
        log.close()
        let (again, frames, report) = try open("/data", large)
        #expect(frames.map(\.payload) == (0..<300).map { payload($0, byteCount: 1000) })
        #expect(report.damage.isEmpty)
        again.close()
    }

    @Test(arguments: [(1, 10 << 20), (1_000, 24 << 20)])
    func `zeros are written ahead of a slow log and no longer of a fast one`(
        _ microsecondsEach: Int64, _ zeroByteCount: Int
    ) throws {
        let disk = MemoryFileSystem()
        let clock = TestClock()
        var large = options(disk)
        large.fileByteCount = 64 << 20
        large.runsThreads = false
        large.time = clock.source
        let (log, _, _) = try open("/data", large)
        let bytes = payload(1, byteCount: 8 << 10)
        for index in 0..<2048 {
            try log.append(header(Int64(index)), bytes)
            log.submit()
            while log.runWriterStep() {}
            while log.runSpaceStep() {}
            clock.advance(nanoseconds: microsecondsEach * 1_000)
        }
        let zeros = disk.writtenByteCount - 16 << 20
        #expect(abs(zeros - zeroByteCount) < 4 << 20, "\(zeros) bytes")
        log.close()
    }
}

/// A millisecond.
private func pause() {
    let monitor = Monitor()
    _ = monitor.withLock { monitor.wait(nanoseconds: 1_000_000) }
}
