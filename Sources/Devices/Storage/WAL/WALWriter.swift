import DequeModule
import Platform
import Synchronization

/// The thread that makes the log durable: takes all that was submitted, writes it, syncs once, says
/// so.
///
/// While it syncs, the next group gathers. It never waits for more to come. A group of which no
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

    /// What is only touched with the monitor's lock held, but for `end` and `unsynced`, and for `syncDeadline`
    /// which the thread alone changes and so may read.
    private final class Guarded: @unchecked Sendable {
        /// Behind the last frame that was written, and what was written and not synced. The
        /// thread's own.
        var end: (file: WALFile, offset: Int)?
        var unsynced: Unsynced?
        /// When that has to be synced, in monotonic nanoseconds.
        var syncDeadline = Int64.max
        var isSyncRequested = false
        var queue: Deque<WALExtent> = []
        var onDurable: (@Sendable () -> Void)?
        var isStopping = false
        var isIdleMarkDue = false
        /// Without a thread: when the mark is due, and whether a step is under way.
        var idleEndNanoseconds: Int64 = 0
        var isStepping = false
        var thread: Thread?
    }

    private struct Unsynced {
        var file: WALFile
        /// Before it everything is on the device.
        var start: Int
    }

    private static let groupByteCount = 8 << 20
    private static let idleNanoseconds: Int64 = 1_000_000_000

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

    /// Hands extents over, in the order of the log.
    func submit(_ extents: [WALExtent]) {
        monitor.withLock {
            for extent in extents {
                if let last = state.queue.last, last.block === extent.block,
                    last.range.upperBound == extent.range.lowerBound
                {
                    state.queue[state.queue.count - 1].range =
                        last.range.lowerBound..<extent.range.upperBound
                    state.queue[state.queue.count - 1].patience = min(
                        last.patience, extent.patience)
                    if extent.isAwaited { state.queue[state.queue.count - 1].isAwaited = true }
                } else {
                    state.queue.append(extent)
                }
            }
            monitor.wakeAll()
        }
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

    // MARK: Steps

    /// Does what comes next; false when there is nothing, or writing has failed.
    func step() -> Bool {
        precondition(!hasThread, "the thread takes the steps")
        let work: Work? = monitor.withLock {
            guard !state.isStepping, !hasFailed.load(ordering: .acquiring) else { return nil }
            let work = takeWork()
            state.isStepping = work != nil
            return work
        }
        guard let work else { return false }
        let isDone = perform(work)
        monitor.withLock {
            state.isStepping = false
            state.idleEndNanoseconds = time.monotonicNanoseconds() + Self.idleNanoseconds
        }
        return isDone
    }

    /// Inside the lock: what a step does now.
    private func takeWork() -> Work? {
        if !state.queue.isEmpty { return .group(takeGroup()) }
        if takeSync() { return .sync }
        guard state.isIdleMarkDue, !state.isStopping,
            time.monotonicNanoseconds() >= state.idleEndNanoseconds
        else { return nil }
        state.isIdleMarkDue = false
        return .mark
    }

    // MARK: The thread

    private enum Work {
        case group([WALExtent])
        case sync
        case mark
        case stop
    }

    private func run() {
        while perform(nextWork()) {}
    }

    /// False when there is no more to come.
    private func perform(_ work: Work) -> Bool {
        do throws(SystemError) {
            switch work {
            case .stop:
                return false
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
            fatal(.failed(error))
            monitor.withLock {
                hasFailed.store(true, ordering: .releasing)
                monitor.wakeAll()
            }
            return false
        }
    }

    private func nextWork() -> Work {
        monitor.withLock {
            while state.queue.isEmpty {
                if takeSync() { return .sync }
                if state.isStopping { return .stop }
                if !state.isIdleMarkDue {
                    monitor.wait()
                    continue
                }
                let untilSync = state.syncDeadline.subtractingReportingOverflow(
                    time.monotonicNanoseconds()).partialValue
                let pause = min(Self.idleNanoseconds, untilSync)
                if !monitor.wait(nanoseconds: pause), state.queue.isEmpty,
                    pause == Self.idleNanoseconds
                {
                    state.isIdleMarkDue = false
                    return .mark
                }
            }
            return .group(takeGroup())
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
            monitor.wakeAll()
            return state.onDurable
        }
        hook?()
    }

    /// Makes durable what was written without a sync.
    private func synchronize() throws(SystemError) {
        guard let unsynced = state.unsynced else { return }
        let mark = writtenMark.load(ordering: .relaxed)
        try unsynced.file.handle.synchronize()
        state.unsynced = nil
        let hook = monitor.withLock {
            durableMark.store(mark, ordering: .releasing)
            state.syncDeadline = .max
            monitor.wakeAll()
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
