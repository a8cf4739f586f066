import DequeModule
import Platform
import Synchronization

/// Makes the log durable: takes all that was submitted, writes it, syncs once, says so.
///
/// A thread does, and while it syncs, the next group gathers. It never waits for more to come. Where
/// nothing would gather and the disk is fast, the submitter does it in place: two changes of thread
/// would take about as long as the sync. A group of which no
/// frame asks for a sync is written without; the next sync covers it, at the latest when the most
/// impatient of its frames wants it. When the log has been idle for a second it syncs and writes a
/// mark behind the last frame, which proves in recovery that everything before was durable.
final class WALWriter: Sendable {
    /// Everything below was written and synced, in bytes since the start.
    let durableMark = Atomic<UInt64>(0)
    /// Everything below was written.
    let writtenMark = Atomic<UInt64>(0)
    /// A write or a sync has failed, and the mark will not move any more.
    let hasFailed = Atomic(false)
    private let monitor = Monitor()
    private let state: Guarded
    private let time: TimeSource
    private let hasThread: Bool
    private let fatal: @Sendable (StorageError) -> Void

    /// What is only touched with the monitor's lock held, but for what is said to be the worker's: of
    /// who has set `isWorking`. `syncDeadline` only a worker changes, and so may read.
    private final class Guarded: @unchecked Sendable {
        /// Behind the last frame that was written, and what was written and not synced. The worker's.
        var end: (file: WALFile, offset: Int)?
        var unsynced: Unsynced?
        /// How many syncs were fast since one was not. The worker's.
        var fastSyncCount = 0
        /// When that has to be synced, in monotonic nanoseconds.
        var syncDeadline = Int64.max
        var isSyncRequested = false
        var queue: Deque<WALExtent> = []
        var onDurable: (@Sendable () -> Void)?
        var isStopping = false
        /// Somebody writes or syncs.
        var isWorking = false
        /// How many wait for a mark to move.
        var waiterCount = 0
        /// Frames were written behind the last mark, and when the log has been idle for long enough.
        var isIdleMarkDue = false
        var idleEndNanoseconds: Int64 = 0
        /// Until when the thread sleeps.
        var wakeNanoseconds = Int64.max
        var thread: Thread?
    }

    private struct Unsynced {
        var file: WALFile
        /// Before it everything is on the device.
        var start: Int
    }

    private static let groupByteCount = 8 << 20
    private static let idleNanoseconds: Int64 = 1_000_000_000
    /// More than this is not written in place.
    private static let inPlaceByteCount = 16 << 10
    private static let fastSyncNanoseconds: Int64 = 500_000
    /// So many syncs in a row have to be fast before a submitter waits for one.
    private static let fastSyncCount = 8

    /// - Parameter hasThread: false where ``step()`` takes the thread's place.
    init(
        time: TimeSource, hasThread: Bool, fatal: @escaping @Sendable (StorageError) -> Void
    ) {
        self.time = time
        self.hasThread = hasThread
        self.fatal = fatal
        state = Guarded()
    }

    func start() {
        guard hasThread else { return }
        let thread = Thread(name: "wal writer") { self.run() }
        monitor.withLock { state.thread = thread }
    }

    var onDurable: (@Sendable () -> Void)? {
        get { monitor.withLock { state.onDurable } }
        set { monitor.withLock { state.onDurable = newValue } }
    }

    /// Hands extents over, in the order of the log. Where `maySync` they may be written, and synced
    /// where that is due, before this returns: the caller may be held up for as long as that takes.
    func submit(_ extents: [WALExtent], maySync: Bool) {
        let isInPlace = monitor.withLock {
            let isInPlace = maySync && mayWorkInPlace(extents)
            for extent in extents { enqueue(extent) }
            if isInPlace { state.isWorking = true } else { monitor.wakeAll() }
            return isInPlace
        }
        if isInPlace { workInPlace() }
    }

    private func workInPlace() {
        // Two groups where the extents go across files.
        while let group = monitor.withLock({ state.queue.isEmpty ? nil : takeGroup() }),
            perform(.group(group))
        {}
        monitor.withLock {
            endWork()
            // The thread may have woken meanwhile, and sleeps without an end since then.
            let due = min(state.idleEndNanoseconds, state.syncDeadline)
            if state.isSyncRequested || due < state.wakeNanoseconds { monitor.wakeAll() }
        }
    }

    /// Inside the lock.
    private func enqueue(_ extent: WALExtent) {
        guard let last = state.queue.last, last.block === extent.block,
            last.range.upperBound == extent.range.lowerBound
        else { return state.queue.append(extent) }
        let index = state.queue.count - 1
        state.queue[index].range = last.range.lowerBound..<extent.range.upperBound
        state.queue[index].patience = min(last.patience, extent.patience)
        if extent.isAwaited { state.queue[index].isAwaited = true }
    }

    /// Inside the lock: whether the submitter writes what it brings. Not after the log was idle: the
    /// thread sleeps without an end then, and has to learn that a mark will be due.
    private func mayWorkInPlace(_ extents: [WALExtent]) -> Bool {
        hasThread && !state.isWorking && state.queue.isEmpty && state.isIdleMarkDue
            && state.fastSyncCount >= Self.fastSyncCount
            && extents.reduce(0) { $0 + $1.range.count } <= Self.inPlaceByteCount
            && !hasFailed.load(ordering: .acquiring)
    }

    /// Waits until everything up to `mark` is durable; false when writing has failed.
    func waitUntilDurable(_ mark: UInt64) -> Bool {
        if durableMark.load(ordering: .acquiring) < mark { requestSync() }
        return wait(until: mark, durableMark)
    }

    /// Waits until everything up to `mark` is in its file; false when writing has failed.
    func waitUntilWritten(_ mark: UInt64) -> Bool { wait(until: mark, writtenMark) }

    private func wait(until mark: UInt64, _ reached: borrowing Atomic<UInt64>) -> Bool {
        while !hasThread, reached.load(ordering: .acquiring) < mark, step() {}
        return monitor.withLock {
            state.waiterCount += 1
            defer { state.waiterCount -= 1 }
            while reached.load(ordering: .acquiring) < mark {
                if hasFailed.load(ordering: .acquiring) { return false }
                precondition(hasThread, "nobody is left to write up to \(mark)")
                monitor.wait()
            }
            return true
        }
    }

    /// Has everything that is written and queued now synced.
    func requestSync() {
        monitor.withLock {
            state.isSyncRequested = true
            monitor.wakeAll()
        }
    }

    /// Writes what is queued and ends the thread.
    func stop() {
        let thread = monitor.withLock {
            state.isStopping = true
            monitor.wakeAll()
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
        while !hasThread, step() {}
    }

    // MARK: Work

    /// Does what comes next; false when there is nothing, or writing has failed.
    func step() -> Bool {
        precondition(!hasThread, "the thread takes the steps")
        guard let work = monitor.withLock({ takeWork() }) else { return false }
        let isDone = perform(work)
        monitor.withLock { endWork() }
        return isDone
    }

    private enum Work {
        case group([WALExtent])
        case sync
        case mark
    }

    /// Inside the lock: what is to be done now, by the caller and nobody else.
    private func takeWork() -> Work? {
        guard !state.isWorking, !hasFailed.load(ordering: .acquiring) else { return nil }
        var work: Work?
        if !state.queue.isEmpty {
            work = .group(takeGroup())
        } else if takeSync() {
            work = .sync
        } else if state.isIdleMarkDue, !state.isStopping,
            time.monotonicNanoseconds() >= state.idleEndNanoseconds
        {
            state.isIdleMarkDue = false
            work = .mark
        }
        state.isWorking = work != nil
        return work
    }

    /// Inside the lock.
    private func endWork() {
        state.isWorking = false
        state.idleEndNanoseconds = time.monotonicNanoseconds() + Self.idleNanoseconds
    }

    private func run() {
        while let work = nextWork() {
            _ = perform(work)
            monitor.withLock { endWork() }
        }
    }

    /// Waits for something to do; nil when there is no more to come.
    private func nextWork() -> Work? {
        monitor.withLock {
            while true {
                if let work = takeWork() { return work }
                if hasFailed.load(ordering: .acquiring) { return nil }
                state.wakeNanoseconds = .max
                if state.isWorking {
                    monitor.wait()
                } else if state.isStopping {
                    return nil
                } else if state.isIdleMarkDue {
                    let now = time.monotonicNanoseconds()
                    state.wakeNanoseconds = min(state.idleEndNanoseconds, state.syncDeadline)
                    _ = monitor.wait(nanoseconds: state.wakeNanoseconds - now)
                } else {
                    monitor.wait()
                }
            }
        }
    }

    /// False when writing has failed.
    private func perform(_ work: Work) -> Bool {
        do throws(SystemError) {
            switch work {
            case .sync:
                try synchronize()
            case .mark:
                try synchronize()
                if let end = state.end { try writeMark(end.file, end.offset) }
            case .group(let extents):
                try write(extents)
                let last = extents[extents.count - 1]
                state.end = (last.block.file, last.block.fileOffset + last.range.upperBound)
            }
            return true
        } catch {
            fail(error)
            return false
        }
    }

    /// The device does not keep what it was given: nothing more is written, and nothing more is said to be durable.
    func fail(_ error: SystemError) {
        fatal(.failed(error))
        monitor.withLock {
            hasFailed.store(true, ordering: .releasing)
            monitor.wakeAll()
        }
    }

    /// Inside the lock, with something in the queue. A group stays in one file: a file is synced
    /// before the next one is written to.
    private func takeGroup() -> [WALExtent] {
        var group: [WALExtent] = []
        var byteCount = 0
        while let extent = state.queue.first,
            group.isEmpty
                || (extent.block.file === group[0].block.file
                    && byteCount + extent.range.count <= Self.groupByteCount)
        {
            state.queue.removeFirst()
            byteCount += extent.range.count
            group.append(extent)
        }
        state.isIdleMarkDue = true
        return group
    }

    /// Inside the lock, with nothing in the queue: whether to sync what was written without.
    private func takeSync() -> Bool {
        let isDue =
            state.isSyncRequested || state.syncDeadline <= time.monotonicNanoseconds()
        guard isDue else { return false }
        state.isSyncRequested = false
        return state.unsynced != nil
    }

    private func write(_ extents: [WALExtent]) throws(SystemError) {
        let file = extents[0].block.file
        // A file is synced before the next one is written to.
        if let unsynced = state.unsynced, unsynced.file !== file { try synchronize() }
        let groupStart =
            state.unsynced?.start ?? extents[0].block.fileOffset + extents[0].range.lowerBound
        var byteCount = 0
        var patience = Int64.max
        var isAwaited = false
        for extent in extents {
            extent.block.seal(extent.range, groupStart: groupStart)
            try extent.block.withBytes(extent.range) { bytes throws(SystemError) in
                try file.handle.writeFully(
                    bytes, at: extent.block.fileOffset + extent.range.lowerBound)
            }
            byteCount += extent.range.count
            patience = min(patience, extent.patience)
            isAwaited = isAwaited || extent.isAwaited
        }
        writtenMark.add(UInt64(byteCount), ordering: .releasing)
        state.unsynced = Unsynced(file: file, start: groupStart)
        // Where more and more comes nothing is ever idle: what was put off is due here, too.
        let now = time.monotonicNanoseconds()
        let isDue = patience <= 0 || state.syncDeadline <= now
        if isAwaited || !isDue { tellWritten(syncWithin: patience, now: now) }
        if isDue { try synchronize() }
    }

    /// What was written can be read and acknowledged where no sync was asked for.
    private func tellWritten(syncWithin patience: Int64, now: Int64) {
        let deadline = now.addingReportingOverflow(patience)
        let hook = monitor.withLock {
            if !deadline.overflow {
                state.syncDeadline = min(state.syncDeadline, deadline.partialValue)
            }
            if state.waiterCount > 0 { monitor.wakeAll() }
            return state.onDurable
        }
        hook?()
    }

    /// Makes durable what was written without a sync.
    private func synchronize() throws(SystemError) {
        guard let unsynced = state.unsynced else { return }
        let mark = writtenMark.load(ordering: .relaxed)
        let start = time.monotonicNanoseconds()
        try unsynced.file.handle.synchronize()
        let isFast = time.monotonicNanoseconds() - start <= Self.fastSyncNanoseconds
        state.fastSyncCount = isFast ? state.fastSyncCount + 1 : 0
        state.unsynced = nil
        let hook = monitor.withLock {
            durableMark.store(mark, ordering: .releasing)
            state.syncDeadline = .max
            if state.waiterCount > 0 { monitor.wakeAll() }
            return state.onDurable
        }
        hook?()
    }

    /// Puts a mark at `offset`, the end of the log, where the next frame will overwrite it.
    func writeMark(_ file: WALFile, _ offset: Int) throws(SystemError) {
        let block = WALBlock(
            file: file, fileOffset: offset, capacity: WALFrame.headerByteCount)
        block.append(WALFrame(sign: WALFrame.markKind, at: time.now())) { _ in }
        block.seal(0..<block.count, groupStart: offset)
        try block.withBytes(0..<block.count) { bytes throws(SystemError) in
            try file.handle.writeFully(bytes, at: offset)
        }
        try file.handle.synchronize()
    }
}

/// What a server does when the disk has failed it. 74 is EX_IOERR of sysexits.h.
func endProcess(with error: StorageError) -> Never {
    Process.end(
        74, message: "[FTL] The log cannot be written: \(error). Restart when the disk is well.\n")
}
