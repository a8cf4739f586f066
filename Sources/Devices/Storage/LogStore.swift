import Bytes
import DequeModule
import Model
import Platform

/// Everything that a data folder keeps: the batches of all logs, and the snapshots of machines.
///
/// What is new goes through the write-ahead log, ``wal``. In the background its batches are copied
/// to segments, one log beside the other, and its files are used again when snapshots hold what
/// else was in them. Batches are found by log and offset, wherever they are by now.
///
/// Used from one thread, the home loop's, as ``WriteAheadLog`` is. What takes time happens on a
/// thread of its own; its results take effect in ``applyBackgroundWork()``, and so at a moment that
/// the caller chooses.
public final class LogStore: @unchecked Sendable {
    public struct Options: Sendable {
        public var wal = WriteAheadLog.Options()
        /// False: there is no thread for background work, and ``runOneStep()`` does it.
        public var runsThread = true
        /// So much in complete files of the write-ahead log begins a roll-up.
        public var rollUpByteCount = 128 << 20
        /// A segment of this size is complete.
        public var segmentByteCount = 64 << 20
        /// From this size on, what a roll-up has of one log gets a file of its own.
        public var ownFileByteCount = 2 << 20
        /// With fewer segments than this small ones are left as they are: a merge writes once more
        /// what was written twice.
        public var mergeSegmentCount = 4096

        public init() {}
    }

    public let wal: WriteAheadLog
    public let snapshots: SnapshotStore
    let options: Options
    let worker: StorageWorker
    var logs: [LogID: LogIndex] = [:]
    var segmentCache: SegmentCache
    /// Every segment file that is needed, and how large it is.
    var segmentFiles: [UInt64: Int] = [:]

    // Background work, see LogStore+Background.swift:
    var rolledUpTo: WALPosition
    var firstLogFile: UInt64
    var coveredTo = WALPosition.first
    /// Complete files of the write-ahead log, and the mark at which each is durable.
    var completeFiles: Deque<(number: UInt64, mark: UInt64)> = []
    var currentFile: UInt64 = 0
    var isRollingUp = false
    /// Logs that are rolled up ahead of the others.
    var aheadOfOthers: (logs: [LogID], whenDone: () -> Void)?
    /// Logs that wait for the others, as something of them could not be read.
    var keptBack: Set<LogID> = []
    var isReleasing = false
    var isDeleting = false
    var isMerging = false
    /// Since a merge was thought of last.
    var areSegmentsChanged = true
    /// Files with damage in them, which no merge touches.
    var unmergeable: Set<String> = []
    private var isReplayed = false
    private var isClosed = false
    var deletions: [LogID: Offset?] = [:]
    var nextRewriteID: UInt64 = 0
    var rewrites:
        [UInt64: ([SegmentDescriptor], (Result<RewriteOutcome, StorageError>) -> Void)] = [:]
    var scans: [UInt64: (Result<Int, StorageError>) -> Void] = [:]
    /// What cannot be read in files of the write-ahead log that are still there.
    var logDamage: [ReplayReport.Damage] = []
    var newDamage: [ReplayReport.Damage] = []
    /// What the manifest knows to be lost.
    private let manifestDamage: [ReplayReport.Damage]
    private let isManifestFromItsFile: Bool
    /// Where the write-ahead log ended when the manifest was made again last, as its file was damaged or missing; known after
    /// ``replay(from:_:)``. Nil where it never was.
    ///
    /// What had been rewritten by then may have come back as it was before, so what snapshots up to this position say of it
    /// does not hold any more.
    public private(set) var manifestRemadeAt: WALPosition?

    /// Locks the folder, making it where it is missing, and finds the segments. Read the snapshots
    /// and call ``replay`` next.
    ///
    /// - Throws: `inUse`, `newerFormat`, `notADataFolder`, in which case nothing was touched;
    ///   `failed`, `storageFull`.
    public init(directory: String, options: Options = Options()) throws(StorageError) {
        self.options = options
        let wal = try WriteAheadLog(directory: directory, options: options.wal)
        self.wal = wal
        let fileSystem = options.wal.fileSystem
        let segmentFolder = directory + "/segments"
        let snapshotFolder = directory + "/snapshots"
        do throws(SystemError) {
            try fileSystem.createDirectory(segmentFolder)
            try fileSystem.createDirectory(snapshotFolder)
            // A process that was killed may have left names that no sync has seen.
            try fileSystem.synchronizeDirectory(segmentFolder)
            try fileSystem.synchronizeDirectory(snapshotFolder)
        } catch { throw .from(error) }
        let opened = try OpenedManifest(
            folder: segmentFolder, folderID: wal.folderID, walFiles: wal.files,
            fileSystem: fileSystem)
        let manifest = opened.manifest
        rolledUpTo = manifest.rolledUpTo
        firstLogFile = manifest.firstLogFile
        manifestDamage = opened.damage
        isManifestFromItsFile = opened.isFromItsFile
        manifestRemadeAt = manifest.remadeAt
        segmentCache = SegmentCache(
            folder: segmentFolder, folderID: wal.folderID, fileSystem: fileSystem)
        worker = StorageWorker(
            BackgroundContext(
                fileSystem: fileSystem, folderPath: directory, folderID: wal.folderID,
                time: options.wal.time, manifest: manifest, durableMark: { wal.durableMark },
                requestSync: { wal.requestSync() },
                giveUpReserve: { wal.files.removePooled() }),
            hasThread: options.runsThread)
        snapshots = SnapshotStore(
            folder: snapshotFolder, folderID: wal.folderID, fileSystem: fileSystem, worker: worker,
            appendedMark: { wal.appendedMark })
        try snapshots.removeUnfinished()
        for file in manifest.files.values {
            segmentFiles[file.number] = file.byteCount
            for segment in file.segments { logs[segment.log, default: LogIndex()].add(segment) }
        }
    }

    // MARK: Start and end

    /// Finds the batches of all logs, hands out frames in order, and makes the store ready for the
    /// first append. To be called once.
    ///
    /// - Parameters:
    ///   - position: the smallest position up to which the caller's snapshots hold; frames
    ///     before it are not handed out. Nil: all frames that there are.
    ///   - held: the greatest such position; nil for the same. New frames come behind it.
    /// - Throws: as ``WriteAheadLog/replay(from:_:)``.
    public func replay(
        from position: WALPosition? = nil, held: WALPosition? = nil,
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> ReplayReport {
        let oldest = WALPosition(file: firstLogFile, offset: 0)
        let indexedTo = takeTailIndex() ?? rolledUpTo
        let first = max(oldest, min(position ?? oldest, indexedTo))
        var report = try wal.replay(from: first, held: held ?? position) { header, payload, place in
            if header.kind == .batch, place >= indexedTo {
                indexReplayed(header, payload, at: place)
            }
            if place >= position ?? oldest { try body(header, payload, place) }
        }
        if let position, position.fileNumber < firstLogFile {
            report.damage.append(
                .init(
                    path: wal.files.path(position.fileNumber), offset: position.offset,
                    byteCount: 0, reason: .missingFiles(through: firstLogFile - 1), frame: nil))
        }
        logDamage = report.damage
        report.damage = manifestDamage + report.damage
        isReplayed = true
        // Without snapshots nobody believes anything of segments.
        if !isManifestFromItsFile, position != nil {
            manifestRemadeAt = endPosition
            worker.manifestIsRemade(at: endPosition)
        }
        beginBackgroundWork()
        return report
    }

    /// For a caller without a snapshot that it can use, before ``replay(from:_:)``: whether all frames are still there.
    ///
    /// - Throws: `snapshotsLost` where they are not, `failed`.
    public func requireBeginning() throws(StorageError) {
        let numbers: [UInt64]
        do { numbers = try wal.files.numbers() } catch { throw .from(error) }
        let first = numbers.first.map { max($0, firstLogFile) }
        if let first, first == 1 { return }
        if first == nil, firstLogFile == 1, logs.isEmpty { return }
        throw .snapshotsLost(folder: wal.folderPath + "/snapshots", firstLogFile: first)
    }

    /// What the last clean end has written down of the log's batches.
    ///
    /// - Returns: up to where it has them; nil where that is nothing new.
    private func takeTailIndex() -> WALPosition? {
        let found = TailIndexFile.read(
            folder: segmentCache.folder, folderID: wal.folderID, on: options.wal.fileSystem)
        guard let found, found.position > rolledUpTo, isInLog(found.position) else { return nil }
        for (id, log) in found.logs {
            for entry in log.entries where entry.position >= rolledUpTo {
                if let last = logs[id]?.lastOffset, entry.baseOffset <= last { continue }
                logs[id, default: LogIndex()].tail.append(entry)
            }
            guard let first = logs[id]?.tail.entries.first else { continue }
            logs[id]!.tail.transactions = log.transactions
            logs[id]!.tail.transactions.removeRuns(endingBefore: first.baseOffset)
        }
        return found.position
    }

    /// Whether the log still has the file of a position and all from what was rolled up to there.
    private func isInLog(_ position: WALPosition) -> Bool {
        guard let numbers = try? wal.files.numbers() else { return false }
        let wanted = max(rolledUpTo.fileNumber, firstLogFile)...position.fileNumber
        return Set(numbers).isSuperset(of: wanted)
    }

    /// Where the next frame will be: what a snapshot that is taken now holds up to.
    public var endPosition: WALPosition { wal.endPosition }

    /// Ends background work, flushes and unlocks the folder.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        worker.stop()
        applyBackgroundWork()
        if isReplayed, wal.flush() {
            // The next start is right without it.
            try? TailIndexFile.write(
                logs, position: endPosition, folder: segmentCache.folder, folderID: wal.folderID,
                created: options.wal.time.now(), on: options.wal.fileSystem)
        }
        wal.close()
    }

    // MARK: Appending

    /// As ``WriteAheadLog/append(_:_:)``; a batch can be read at once.
    @discardableResult
    public func append(
        _ header: FrameHeader, durability: FrameDurability = .sync, _ payload: RawSpan
    ) throws(StorageError) -> WALPosition {
        try append(header, durability: durability, payloadByteCount: payload.byteCount) { memory in
            memory.copy(payload)
        }
    }

    /// As ``WriteAheadLog/append(_:payloadByteCount:_:)``; a batch can be read at once.
    @discardableResult
    public func append(
        _ header: FrameHeader, durability: FrameDurability = .sync, payloadByteCount: Int,
        _ fill: (inout MutableRawSpan) -> Void
    ) throws(StorageError) -> WALPosition {
        var timestamp: Int64 = -1
        var transactional: TransactionalBatch?
        let isBatch = header.kind == .batch
        let position = try wal.append(
            header, durability: durability, payloadByteCount: payloadByteCount
        ) { memory in
            fill(&memory)
            guard isBatch else { return }
            timestamp = BatchField.maxTimestamp(of: memory.bytes)
            transactional = TransactionalBatch(
                memory.bytes, baseOffset: header.baseOffset, lastOffset: header.lastOffset)
        }
        if isBatch {
            var header = header
            header.payloadByteCount = payloadByteCount
            logs[header.log, default: LogIndex()].tail.append(
                LogTail.Entry(header, at: position, maxTimestampMilliseconds: timestamp),
                transactional)
        }
        return position
    }

    /// What segments hold already, and what comes twice, is left out: after a manifest was made
    /// again nobody knows up to where the write-ahead log was rolled up.
    private func indexReplayed(
        _ header: FrameHeader, _ payload: RawSpan, at position: WALPosition
    ) {
        let entry = LogTail.Entry(
            header, at: position,
            maxTimestampMilliseconds: BatchField.maxTimestamp(of: payload))
        if let last = logs[header.log]?.lastOffset, entry.baseOffset <= last { return }
        logs[header.log, default: LogIndex()].tail.append(
            entry,
            TransactionalBatch(
                payload, baseOffset: header.baseOffset, lastOffset: header.lastOffset))
    }

    /// Hands what was appended to the disk, takes up what the background has finished, and gives it
    /// more to do. Once at the end of a turn; for `maySync` see ``WriteAheadLog/submit(maySync:)``.
    public func submit(maySync: Bool = false) {
        wal.submit(maySync: maySync)
        applyBackgroundWork()
        planBackgroundWork()
    }
}

extension LogTail.Entry {
    init(_ header: FrameHeader, at position: WALPosition, maxTimestampMilliseconds: Int64) {
        self.init(
            baseOffset: header.baseOffset, position: position,
            byteCount: UInt32(header.payloadByteCount),
            lastOffsetDelta: UInt32(header.baseOffset.distance(to: header.lastOffset)),
            appendTime: header.appendTime, maxTimestampMilliseconds: maxTimestampMilliseconds)
    }
}
