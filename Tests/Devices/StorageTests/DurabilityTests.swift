import Bytes
import Model
import Platform
import Storage
import Testing

/// Frames that need no sync do not force one, and no more is lost than was agreed.
@Suite struct DurabilityTests {
    let disk = MemoryFileSystem()

    private func log() throws -> WriteAheadLog {
        var small = options(disk)
        small.runsThreads = false
        let log = try WriteAheadLog(directory: "/data", options: small)
        _ = try log.replay { _, _, _ in }
        return log
    }

    private func append(
        _ count: Int, to log: WriteAheadLog, _ durability: FrameDurability, from first: Int = 0
    ) throws {
        for index in first..<first + count {
            let bytes = payload(index, byteCount: 200)
            _ = try log.append(header(Int64(index)), durability: durability, bytes.span.bytes)
        }
        log.submit()
    }

    @Test func `a group without a frame that asks for it is written and not synced`() throws {
        let log = try log()
        while log.runSpaceStep() {}
        let syncs = disk.syncCount
        try append(10, to: log, .never)
        while log.runWriterStep() {}
        #expect(log.writtenMark == log.appendedMark)
        #expect(log.durableMark == 0)
        #expect(disk.syncCount == syncs)
        try append(1, to: log, .sync, from: 10)
        while log.runWriterStep() {}
        #expect(log.durableMark == log.appendedMark)
        #expect(disk.syncCount == syncs + 1)
        log.close()
    }

    @Test func `a sync comes when the most impatient frame wants it`() throws {
        let clock = TestClock()
        var small = options(disk)
        small.runsThreads = false
        small.time = clock.source
        let log = try WriteAheadLog(directory: "/data", options: small)
        _ = try log.replay { _, _, _ in }
        while log.runSpaceStep() {}
        try append(3, to: log, .within(nanoseconds: 900))
        while log.runWriterStep() {}
        clock.advance(nanoseconds: 100)
        try append(3, to: log, .within(nanoseconds: 300), from: 3)
        try append(3, to: log, .never, from: 6)
        while log.runWriterStep() {}
        clock.advance(nanoseconds: 299)
        while log.runWriterStep() {}
        #expect(log.durableMark == 0)
        clock.advance(nanoseconds: 1)
        while log.runWriterStep() {}
        #expect(log.durableMark == log.appendedMark)
        log.close()
    }

    @Test func `flush and a request make everything durable`() throws {
        let log = try log()
        try append(5, to: log, .never)
        #expect(log.flush())
        #expect(log.durableMark == log.appendedMark)
        try append(5, to: log, .never, from: 5)
        while log.runWriterStep() {}
        #expect(log.durableMark < log.appendedMark)
        log.requestSync()
        while log.runWriterStep() {}
        #expect(log.durableMark == log.appendedMark)
        log.close()
    }

    @Test func `what was put off is synced in time, however much more comes`() throws {
        let clock = TestClock()
        var small = options(disk)
        small.runsThreads = false
        small.time = clock.source
        let log = try WriteAheadLog(directory: "/data", options: small)
        _ = try log.replay { _, _, _ in }
        while log.runSpaceStep() {}
        var marks: [UInt64] = []
        let syncs = disk.syncCount
        for index in 0..<40 {
            // The queue is never empty when a step looks for work.
            try append(1, to: log, .within(nanoseconds: 1_000), from: 2 * index)
            marks.append(log.appendedMark)
            try append(1, to: log, .never, from: 2 * index + 1)
            #expect(log.runWriterStep())
            if index >= 10 { #expect(log.durableMark >= marks[index - 10], "after \(index)") }
            clock.advance(nanoseconds: 100)
        }
        #expect(disk.syncCount == syncs + 3)
        log.close()
    }

    @Test func `who waits for the write alone is told before the sync that others wait for`() throws {
        let log = try log()
        while log.runSpaceStep() {}
        let told = TellTale()
        log.onDurable = { [unowned log] in told.marks.append((log.writtenMark, log.durableMark)) }
        try append(1, to: log, .sync)
        while log.runWriterStep() {}
        let first = log.appendedMark
        #expect(told.marks.map(\.durable) == [first])
        #expect(log.syncMark == first)
        try append(1, to: log, .sync, from: 1)
        let second = log.appendedMark
        try append(1, to: log, .within(nanoseconds: 1_000_000), from: 2)
        while log.runWriterStep() {}
        #expect(told.marks.map(\.durable) == [first, first, log.appendedMark])
        #expect(told.marks.map(\.written) == [first, log.appendedMark, log.appendedMark])
        #expect(log.syncMark == second)
        log.close()
    }

    @Test(arguments: 0..<60)
    func `after a power loss there is a prefix with everything that was synced, and no damage`(
        seed: UInt64
    ) throws {
        var random = SeededRandom(seed)
        let log = try log()
        var marks: [UInt64] = []
        for index in 0..<Int(20 + random.next() % 300) {
            let durability: FrameDurability =
                switch random.next() % 20 {
                case 0: .sync
                case 1...5: .within(nanoseconds: 1 << 60)
                default: .never
                }
            try append(1, to: log, durability, from: index)
            marks.append(log.appendedMark)
            if random.next() % 3 == 0 { _ = log.runWriterStep() }
            _ = log.runSpaceStep()
        }
        let durable = log.durableMark
        let crashed = disk.afterPowerLoss(seed: seed)
        let killed = disk.afterKill()
        let written = log.writtenMark
        log.close()
        for (disk, mark) in [(crashed, durable), (killed, written)] {
            let (again, frames, report) = try open("/data", options(disk))
            #expect(report.damage.isEmpty, "seed \(seed): \(report.damage)")
            #expect(frames.count >= marks.count { $0 <= mark })
            #expect(frames.map(\.header.baseOffset.value) == (0..<frames.count).map(Int64.init))
            again.close()
        }
    }
}

/// What the log said whenever its marks had moved.
private final class TellTale: @unchecked Sendable {
    var marks: [(written: UInt64, durable: UInt64)] = []
}
