import Model
import Platform

/// The thread that keeps room ahead of the log: the next file, reserved on the device before
/// anything is promised, and zeros in front of the write position, because a sync is faster where
/// blocks were written before.
///
/// Reserved space is what safety rests on: a frame is taken only when its bytes have blocks. Zeros
/// are only for speed, of small writes that are waited for. Where the log writes a lot, they would
/// be as much again to write and help little: the log claims the rest of the file and goes on
/// without.
final class WALSpace: Sendable {
    private let files: WALFiles
    private let hasThread: Bool
    private let syncFailed: @Sendable (SystemError) -> Void
    private let monitor = Monitor()
    private let state = Guarded()

    /// What is only touched with the monitor's lock held.
    private final class Guarded: @unchecked Sendable {
        var nextNumber: UInt64 = 0
        var next: WALFiles.NewFile?
        /// How large the next file has to be at least, when one is wanted.
        var wantedByteCount: Int?
        var failure: SystemError?
        var attempts = 0
        var lastAttemptNanoseconds: Int64 = .min

        var filling: Filling?
        var pace = Pace()
        var isStopping = false
        /// Without a thread: a step is under way.
        var isStepping = false
        var thread: Thread?
    }

    private struct Filling {
        var file: WALFile
        var capacity: Int
        /// Zeros, or the log's own, up to here.
        var filledEnd: Int
        /// Where the log is.
        var position: Int
        var isWriting = false

        var isWanted: Bool { filledEnd < min(position + WALSpace.aheadByteCount, capacity) }
    }

    /// How fast the log goes, seen over a few megabytes.
    private struct Pace {
        private(set) var isFast = false
        private var startNanoseconds: Int64 = 0
        private var startPosition = 0

        static let stepByteCount = 2 << 20
        static let fastBytesPerSecond = 16 << 20

        mutating func begin(at position: Int, nanoseconds: Int64) {
            startPosition = position
            startNanoseconds = nanoseconds
        }

        mutating func advance(to position: Int, nanoseconds: () -> Int64) {
            guard position - startPosition >= Self.stepByteCount else { return }
            let now = nanoseconds()
            let elapsed = max(1, now - startNanoseconds)
            isFast =
                Double(position - startPosition) / Double(elapsed) * 1e9
                > Double(Self.fastBytesPerSecond)
            begin(at: position, nanoseconds: now)
        }
    }

    private static let aheadByteCount = 8 << 20
    private static let firstChunkByteCount = 1 << 20
    private static let chunkByteCount = 4 << 20
    private static let zerosByteCount = 1 << 20
    private static let retryNanoseconds: Int64 = 1_000_000_000
    private static let impatientRetryNanoseconds: Int64 = 100_000_000

    /// - Parameter hasThread: false where ``step()`` takes the thread's place.
    init(
        _ files: WALFiles, hasThread: Bool, syncFailed: @escaping @Sendable (SystemError) -> Void
    ) {
        self.syncFailed = syncFailed
        self.files = files
        self.hasThread = hasThread
    }

    func start(nextNumber: UInt64) {
        monitor.withLock { state.nextNumber = nextNumber }
        guard hasThread else { return }
        let thread = Thread(name: "wal space") { self.run() }
        monitor.withLock { state.thread = thread }
    }

    func stop() {
        let thread = monitor.withLock {
            state.isStopping = true
            monitor.wakeAll()
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
    }

    // MARK: For the loop

    /// Begins to fill a file that the log has moved to, leaving a little for frames that come at
    /// once.
    ///
    /// - Returns: up to where the log may write.
    func enter(_ prepared: WALFiles.NewFile, position: Int) -> Int {
        monitor.withLock {
            state.pace.begin(at: position, nanoseconds: files.time.monotonicNanoseconds())
            let claimedEnd =
                prepared.isWritten || state.pace.isFast
                ? prepared.capacity : min((position + 64 << 10) & ~4095, prepared.capacity)
            state.filling = Filling(
                file: prepared.file, capacity: prepared.capacity, filledEnd: claimedEnd,
                position: position)
            monitor.wakeAll()
            return claimedEnd
        }
    }

    /// Where the log is, now and then; asks for the next file when half of this one is used.
    func advance(to position: Int) {
        monitor.withLock {
            guard var filling = state.filling else { return }
            filling.position = position
            state.pace.advance(to: position, nanoseconds: files.time.monotonicNanoseconds)
            if state.pace.isFast, !filling.isWriting { filling.filledEnd = filling.capacity }
            state.filling = filling
            var isWorkWanted = filling.isWanted && !filling.isWriting
            if position > filling.capacity / 2, state.next == nil, state.wantedByteCount == nil {
                state.wantedByteCount = WALFile.headerByteCount + WALFile.minimumGrowth
                isWorkWanted = true
            }
            if isWorkWanted { monitor.wakeAll() }
        }
    }

    /// Says up to where the log may write, at least to `end`, without meeting zeros being written.
    func claim(upTo end: Int) -> Int {
        monitor.withLock {
            while let filling = state.filling, filling.isWriting, filling.filledEnd < end {
                precondition(hasThread, "nobody else writes zeros up to \(end)")
                monitor.wait()
            }
            guard var filling = state.filling else { return end }
            if filling.filledEnd < end {
                // Faster than the zeros: from here on without them.
                filling.filledEnd = filling.capacity
                state.filling = filling
            }
            return filling.filledEnd
        }
    }

    var isFilling: Bool { monitor.withLock { state.filling?.isWriting ?? false } }

    /// The next file with at least so many bytes reserved. Waits for it where it is not ready.
    ///
    /// - Throws: `storageFull` or `failed` when the device does not give the space now.
    func takeNext(byteCount: Int) throws(StorageError) -> WALFiles.NewFile {
        var prepared = try waitForNext(byteCount: byteCount)
        if prepared.capacity < byteCount {
            do {
                try prepared.file.handle.reserve(byteCount: byteCount)
                prepared.capacity = byteCount
            } catch {
                monitor.withLock { state.next = prepared }
                throw .from(error)
            }
        }
        return prepared
    }

    private func waitForNext(byteCount: Int) throws(StorageError) -> WALFiles.NewFile {
        let attempts = try monitor.withLock { () throws(StorageError) in
            if let failure = state.failure,
                files.time.monotonicNanoseconds() - state.lastAttemptNanoseconds
                    < Self.impatientRetryNanoseconds
            {
                throw .from(failure)
            }
            state.wantedByteCount = byteCount
            state.lastAttemptNanoseconds = .min
            monitor.wakeAll()
            return state.attempts
        }
        while true {
            let next = try monitor.withLock { () throws(StorageError) in
                while true {
                    if let next = state.next {
                        state.next = nil
                        state.wantedByteCount = nil
                        return Optional(next)
                    }
                    if state.attempts > attempts, let failure = state.failure {
                        throw StorageError.from(failure)
                    }
                    if state.isStopping { throw .closed }
                    if !hasThread { return nil }
                    monitor.wait()
                }
            }
            if let next { return next }
            precondition(step(), "nobody is left to make a file")
        }
    }

    // MARK: Steps

    /// Does what comes next; false when there is nothing.
    func step() -> Bool {
        precondition(!hasThread, "the thread takes the steps")
        let work: Work? = monitor.withLock {
            if state.isStepping || state.isStopping { return nil }
            let work = dueWork().work
            state.isStepping = work != nil
            return work
        }
        guard let work else { return false }
        perform(work)
        monitor.withLock { state.isStepping = false }
        return true
    }

    // MARK: The thread

    private enum Work {
        case create(number: UInt64, byteCount: Int)
        case fill(WALFile, Range<Int>)
    }

    private func run() {
        while let work = nextWork() { perform(work) }
    }

    private func perform(_ work: Work) {
        switch work {
        case .create(let number, let byteCount):
            let result = Result { () throws(SystemError) in
                try files.create(number: number, atLeast: byteCount)
            }
            monitor.withLock {
                state.attempts += 1
                state.lastAttemptNanoseconds = files.time.monotonicNanoseconds()
                switch result {
                case .success(let file):
                    state.next = file
                    state.nextNumber = number + 1
                    state.wantedByteCount = nil
                    state.failure = nil
                case .failure(let error):
                    state.failure = error
                }
                monitor.wakeAll()
            }
        case .fill(let file, let range):
            let isFilled = fill(file, range)
            monitor.withLock {
                guard var filling = state.filling, filling.file === file else { return }
                filling.isWriting = false
                // Without zeros it goes on all the same; a device that fails will say so to the
                // writer.
                filling.filledEnd = isFilled ? range.upperBound : filling.capacity
                state.filling = filling
                monitor.wakeAll()
            }
        }
    }

    /// Waits for work; nil when the thread has to end.
    private func nextWork() -> Work? {
        monitor.withLock {
            while true {
                if state.isStopping { return nil }
                let (work, nanosecondsToRetry) = dueWork()
                if let work { return work }
                if let nanosecondsToRetry {
                    _ = monitor.wait(nanoseconds: nanosecondsToRetry)
                } else {
                    monitor.wait()
                }
            }
        }
    }

    /// Inside the lock: what to do now, or how long to wait before a file is tried again.
    private func dueWork() -> (work: Work?, nanosecondsToRetry: Int64?) {
        var nanosecondsToRetry: Int64?
        if state.next == nil, let byteCount = state.wantedByteCount {
            let now = files.time.monotonicNanoseconds()
            let due =
                state.failure == nil || state.lastAttemptNanoseconds == .min
                ? now : state.lastAttemptNanoseconds + Self.retryNanoseconds
            if due <= now {
                return (.create(number: state.nextNumber, byteCount: byteCount), nil)
            }
            nanosecondsToRetry = due - now
        }
        if var filling = state.filling, filling.isWanted {
            let start = filling.filledEnd
            // A short one first, as the log may come close behind it.
            let isClose = start < filling.position + Self.firstChunkByteCount
            let chunk = isClose ? Self.firstChunkByteCount : Self.chunkByteCount
            filling.isWriting = true
            state.filling = filling
            return (.fill(filling.file, start..<min(start + chunk, filling.capacity)), nil)
        }
        return (nil, nanosecondsToRetry)
    }

    /// Has the file open by itself: the kernel tells an error of a sync once to each who has, and the writer has to learn of one,
    /// too, before it takes its frames for synced. Source: fsync(2), "Errors".
    private func fill(_ file: WALFile, _ range: Range<Int>) -> Bool {
        let zeros = [UInt8](repeating: 0, count: min(range.count, Self.zerosByteCount))
        let handle: any FileHandle
        do {
            handle = try files.open(number: file.number, .readWrite).handle
            var position = range.lowerBound
            while position < range.upperBound {
                let count = min(zeros.count, range.upperBound - position)
                try handle.writeFully(zeros.span.bytes.extracting(0..<count), at: position)
                position += count
            }
        } catch {
            return false
        }
        do { try handle.synchronize() } catch {
            // Frames that were written without a sync may have been dropped with the zeros.
            syncFailed(error)
            return false
        }
        return true
    }
}
