import Bytes
import Model
import Platform

/// Everything that a data folder keeps: the batches of all logs, and the snapshots of machines.
///
/// What is new goes through the write-ahead log, ``wal``. Snapshots say what machines knew at a
/// position of it, so that a start replays only what came later.
///
/// Used from one thread, the home loop's, as ``WriteAheadLog`` is. What takes time happens on a
/// thread of its own; its results take effect in ``applyBackgroundWork()``, and so at a moment that
/// the caller chooses.
public final class LogStore: @unchecked Sendable {
    public struct Options: Sendable {
        public var wal = WriteAheadLog.Options()
        /// False: there is no thread for background work, and ``runOneStep()`` does it.
        public var runsThread = true

        public init() {}
    }

    public let wal: WriteAheadLog
    public let snapshots: SnapshotStore
    let options: Options
    let worker: StorageWorker
    var logs: [LogID: LogTail] = [:]

    /// Locks the folder, making it where it is missing. Read the snapshots and call ``replay`` next.
    ///
    /// - Throws: `inUse`, `newerFormat`, `notADataFolder`, in which case nothing was touched;
    ///   `failed`, `storageFull`.
    public init(directory: String, options: Options = Options()) throws(StorageError) {
        self.options = options
        let wal = try WriteAheadLog(directory: directory, options: options.wal)
        self.wal = wal
        let fileSystem = options.wal.fileSystem
        worker = StorageWorker(
            BackgroundContext(
                fileSystem: fileSystem, folderPath: directory, folderID: wal.folderID,
                time: options.wal.time, durableMark: { wal.durableMark }),
            hasThread: options.runsThread)
        let folder = directory + "/snapshots"
        do { try fileSystem.createDirectory(folder) } catch { throw .from(error) }
        snapshots = SnapshotStore(
            folder: folder, folderID: wal.folderID, fileSystem: fileSystem, worker: worker,
            appendedMark: { wal.appendedMark })
        try snapshots.removeUnfinished()
    }

    // MARK: Start and end

    /// Finds the batches of all logs, hands out frames in order, and makes the store ready for the
    /// first append. To be called once.
    ///
    /// - Parameter position: the smallest position up to which the caller's snapshots hold; frames
    ///   before it are not handed out.
    /// - Throws: as ``WriteAheadLog/replay(from:_:)``.
    public func replay(
        from position: WALPosition = .first,
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> ReplayReport {
        let report = try wal.replay { header, payload, place in
            if header.kind == .batch {
                index(
                    header, at: place,
                    maxTimestampMilliseconds: BatchField.maxTimestamp(of: payload))
            }
            if place >= position { try body(header, payload, place) }
        }
        worker.start()
        return report
    }

    /// Where the next frame will be: what a snapshot that is taken now holds up to.
    public var endPosition: WALPosition { wal.endPosition }

    /// Ends background work, flushes and unlocks the folder.
    public func close() {
        worker.stop()
        applyBackgroundWork()
        wal.close()
    }

    // MARK: Appending

    /// As ``WriteAheadLog/append(_:_:)``; a batch can be read at once.
    @discardableResult
    public func append(
        _ header: FrameHeader, _ payload: RawSpan
    ) throws(StorageError) -> WALPosition {
        try append(header, payloadByteCount: payload.byteCount) { memory in memory.copy(payload) }
    }

    /// As ``WriteAheadLog/append(_:payloadByteCount:_:)``; a batch can be read at once.
    @discardableResult
    public func append(
        _ header: FrameHeader, payloadByteCount: Int, _ fill: (inout MutableRawSpan) -> Void
    ) throws(StorageError) -> WALPosition {
        var timestamp: Int64 = -1
        let isBatch = header.kind == .batch
        let position = try wal.append(header, payloadByteCount: payloadByteCount) { memory in
            fill(&memory)
            if isBatch { timestamp = BatchField.maxTimestamp(of: memory.bytes) }
        }
        if isBatch {
            var header = header
            header.payloadByteCount = payloadByteCount
            index(header, at: position, maxTimestampMilliseconds: timestamp)
        }
        return position
    }

    private func index(
        _ header: FrameHeader, at position: WALPosition, maxTimestampMilliseconds: Int64
    ) {
        logs[header.log, default: LogTail()].append(
            .init(
                baseOffset: header.baseOffset, position: position,
                byteCount: UInt32(header.payloadByteCount),
                lastOffsetDelta: UInt32(header.baseOffset.distance(to: header.lastOffset)),
                appendTime: header.appendTime,
                maxTimestampMilliseconds: maxTimestampMilliseconds))
    }

    /// Hands what was appended to the disk, and takes up what the background has finished. Once at
    /// the end of a turn.
    public func submit() {
        wal.submit()
        applyBackgroundWork()
    }

    // MARK: Background work

    /// Called on the background thread when there is something for ``applyBackgroundWork()``.
    public var onBackgroundWork: (@Sendable () -> Void)? {
        get { nil }
        set { worker.notify(newValue) }
    }

    /// Takes up what was finished in the background, and tells those who wait for it.
    public func applyBackgroundWork() {
        for outcome in worker.takeOutcomes() {
            switch outcome {
            case .snapshot(let id, let result): snapshots.finished(id, result)
            }
        }
    }

    /// One step of background work, where there is no thread for it.
    ///
    /// - Returns: false when there is nothing to do now.
    public func runOneStep() -> Bool { worker.runOneStep() }
}
