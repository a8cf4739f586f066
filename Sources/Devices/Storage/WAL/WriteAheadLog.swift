import Synchronization
public import Platform

/// The log of everything that a server must not forget: one sequence of frames for all its streams
/// and partitions.
///
/// Frames are appended to memory, handed to a writer thread with ``submit()``, written and synced
/// in groups. A frame is durable when ``durableMark`` has reached what ``appendedMark`` was behind
/// it.
///
/// Used from one thread, but for ``durableMark``. The files are described in docs/formats/wal.md;
/// how recovery tells a torn end from damage in ``WALReplay``.
///
/// Budget: an append copies the payload once and makes no system call and, but for a new block each
/// 4 MiB, no allocation; a group is one write per block and one `fdatasync`.
public final class WriteAheadLog: @unchecked Sendable {
    public struct Options: Sendable {
        public var fileSystem: any FileSystem = LocalFileSystem()
        /// How large a file is, unless one frame needs more. From 64 KiB to 4 GiB.
        public var fileByteCount = 64 << 20
        /// What may wait for the disk. An append that would make it more waits for the writer.
        public var pendingByteCountLimit = 256 << 20
        /// How much of the newest part is kept in memory for readers.
        public var tailByteCount = 8 << 20
        public var maximumPayloadByteCount = 256 << 20
        /// How many files that are not needed any more are kept to be used again.
        public var pooledFileLimit = 4
        /// False: nothing happens in the background but by ``WriteAheadLog/runWriterStep()`` and
        /// ``WriteAheadLog/runSpaceStep()``, and what would wait for a thread runs its steps. One
        /// seed of the simulation is one order of the steps.
        public var runsThreads = true
        public var time = TimeSource.system
        /// Makes the id of a new data folder, 16 bytes.
        public var newFolderID: @Sendable () -> [UInt8] = { Entropy.uuid() }
        /// Called on the writer thread when a write or a sync has failed. The data may or may not
        /// be on the disk, and asking again can lie: the process has to end.
        public var fatal: @Sendable (StorageError) -> Void = { endProcess(with: $0) }

        public init() {}
    }

    let options: Options
    let folder: DataFolder
    let files: WALFiles
    let writer: WALWriter
    let space: WALSpace
    var readers = WALReaders()

    var phase = Phase.opened
    /// The file that is written to; nil before replay.
    var file: WALFile?
    /// Where the next frame goes.
    var position = 0
    /// The end of what is reserved in the file.
    var capacity = 0
    /// Up to here the file has no zeros in flight.
    var claimedEnd = 0
    /// The file was there at the start, and no space was reserved for more frames yet.
    var isReservationDue = false
    var lastReservation: (nanoseconds: Int64, error: SystemError)?

    var block: WALBlock?
    /// What of `block` was handed to the writer.
    var submittedCount = 0
    var unsubmitted: [WALExtent] = []
    /// How long the sync of what was not submitted may wait.
    var patience = Int64.max
    /// Whether some frame of it has done what it promises once it is written.
    var isWriteAwaited = false
    var tail: WALTail

    /// `failed` when the writer has failed and the process lives on, as it does in tests.
    enum Phase { case opened, running, failed, closed }

    /// All bytes appended so far.
    public internal(set) var appendedMark: UInt64 = 0
    /// All bytes up to the newest frame that was appended with ``FrameDurability/sync``: what
    /// ``durableMark`` passes without being asked.
    public internal(set) var syncMark: UInt64 = 0

    /// Locks the folder, making it where it is missing. Call ``replay(_:)`` next.
    ///
    /// - Throws: `inUse`, `newerFormat`, `notADataFolder`, in which case nothing was touched;
    /// `failed`.
    public init(directory: String, options: Options = Options()) throws(StorageError) {
        precondition(
            (64 << 10...WALPosition.maximumFileByteCount).contains(options.fileByteCount),
            "fileByteCount \(options.fileByteCount)")
        precondition(
            (0...1 << 31).contains(options.maximumPayloadByteCount),
            "maximumPayloadByteCount \(options.maximumPayloadByteCount)")
        self.options = options
        folder = try DataFolder(
            opening: directory, on: options.fileSystem, newID: options.newFolderID)
        files = WALFiles(
            folder: folder.walPath, folderID: folder.id, fileSystem: options.fileSystem,
            fileByteCount: options.fileByteCount & ~7, time: options.time,
            pool: WALPool(limit: options.pooledFileLimit))
        writer = WALWriter(
            time: options.time, hasThread: options.runsThreads, fatal: options.fatal)
        space = WALSpace(files, hasThread: options.runsThreads) { [writer] error in writer.fail(error) }
        tail = WALTail(byteCountLimit: options.tailByteCount)
    }

    deinit { close() }

    /// Hands out every frame in order and makes the log ready for the first append. To be called
    /// once.
    ///
    /// What cannot be read is in the report and nowhere else; it never makes this fail.
    /// - Parameters:
    ///   - position: an ``endPosition`` of before; what lies before it is not looked at.
    ///   - held: another, not before it: frames are appended behind it, also where the end of the log is lost.
    /// - Throws: `StorageError` when the device fails, and whatever `body` throws; nothing was cut
    /// then.
    public func replay(
        from position: WALPosition = .first, held: WALPosition? = nil,
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> ReplayReport {
        precondition(phase == .opened, "replay is the first thing to do, once: \(phase)")
        let start = options.time.monotonicNanoseconds()
        var replay = WALReplay(files, from: max(position, .first), held: held)
        let end: WALReplay.End
        do {
            try files.findPool()
            end = try replay.run(body)
        } catch let error as SystemError {
            throw StorageError.from(error)
        }
        file = end.file
        self.position = end.offset
        capacity = end.offset
        claimedEnd = end.offset
        isReservationDue = true
        phase = .running
        writer.start()
        space.start(nextNumber: end.file.number + 1)
        // On a full disk the log can be read; appends will ask again.
        try? reserve(forced: true)
        var report = replay.report
        report.durationNanoseconds = options.time.monotonicNanoseconds() - start
        return report
    }

    /// Where the next frame will be. What is remembered of all frames so far holds up to here.
    public var endPosition: WALPosition {
        precondition(phase != .opened, "the end is known after replay")
        return WALPosition(file: file!.number, offset: position)
    }

    /// All bytes that survive a crash, counted as ``appendedMark`` counts. From any thread.
    public var durableMark: UInt64 { writer.durableMark.load(ordering: .acquiring) }

    /// All bytes that are in their file: they survive the end of the process, and maybe not that of
    /// the machine. Never less than ``durableMark``. From any thread.
    public var writtenMark: UInt64 { writer.writtenMark.load(ordering: .acquiring) }

    /// Asks for a sync of what was written without one. From any thread.
    public func requestSync() { writer.requestSync() }

    /// Called on the writer thread whenever ``writtenMark`` or ``durableMark`` has grown.
    public var onDurable: (@Sendable () -> Void)? {
        get { writer.onDurable }
        set { writer.onDurable = newValue }
    }

    /// What waits for the disk, in bytes: to hold producers back before ``append(_:_:)`` has to.
    public var pendingByteCount: Int { Int(appendedMark - writtenMark) }

    /// Hands what was appended to the writer thread. Once at the end of a turn.
    ///
    /// - Parameter maySync: the caller has nothing to do until it is durable. If it is little it is
    ///   written at once, without the thread, and synced where that is due, if the disk was fast of
    ///   late.
    public func submit(maySync: Bool = false) {
        guard phase == .running else { return }
        if writer.hasFailed.load(ordering: .acquiring) {
            phase = .failed
            claimedEnd = 0
            return
        }
        if let block, block.count > submittedCount {
            unsubmitted.append(
                WALExtent(
                    block: block, range: submittedCount..<block.count, patience: patience,
                    isAwaited: isWriteAwaited))
            submittedCount = block.count
        }
        if unsubmitted.isEmpty { return }
        writer.submit(unsubmitted, maySync: maySync)
        unsubmitted.removeAll(keepingCapacity: true)
        patience = .max
        isWriteAwaited = false
        space.advance(to: position)
    }

    /// Waits until all that was appended is durable; false when writing has failed.
    @discardableResult
    public func flush() -> Bool {
        submit()
        return phase != .failed && writer.waitUntilDurable(appendedMark)
    }

    /// Flushes, gives back the space behind the last frame and unlocks the folder.
    public func close() {
        guard phase != .closed else { return }
        if phase != .opened {
            let isFlushed = flush()
            phase = .closed
            writer.stop()
            space.stop()
            if isFlushed, let file {
                // Both only help the next start, which is right without them.
                try? writer.writeMark(file, position)
                try? file.handle.truncate(byteCount: position + WALFrame.headerByteCount)
            }
        }
        phase = .closed
        folder.release()
    }
}
