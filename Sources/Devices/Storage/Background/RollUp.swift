import Model
import Platform

/// What of the write-ahead log is to become segments: the batches of its complete files that are
/// still needed, by log; or all that it has of a few logs.
struct RollUpPlan: Sendable {
    struct Log: Sendable {
        var id: LogID
        var entries: [LogTail.Entry]
        var byteCount: Int
    }

    /// Where the first file behind those begins; nil where it is of a few logs, ahead of the others.
    var end: WALPosition?
    /// In the order of their ids.
    var logs: [Log]
    /// What is known to be lost in those files.
    var damage: [ReplayReport.Damage]
    /// What was taken away from `logs` is durable when the write-ahead log is up to this mark. Before
    /// that a crash could bring it back, and it must still be there then.
    var mark: UInt64
}

/// A change of the manifest that is done.
struct ManifestSwitch: Sendable {
    var added: [SegmentFileEntry] = []
    var removed: [SegmentDescriptor] = []
    /// Files that nothing needs any more. They are removed when the loop has let go of them.
    var emptied: [UInt64] = []
    /// What could not be read any more.
    var damage: [ReplayReport.Damage] = []
}

/// Copies batches from the write-ahead log to segment files and puts the manifest that names them
/// in place. Until then nothing has changed but for files that nobody knows; where it fails, all of
/// it begins again. One that is ahead of the others is given up.
final class RollUpJob: BackgroundJob {
    let urgency = BackgroundUrgency.rollUp
    private let plan: RollUpPlan
    private let walFiles: WALFiles
    private let limits: SegmentLimits
    private var progress: Progress?

    private struct Progress {
        var reader: WALFrameReader
        var sink: SegmentSink
        var log = 0
        var entry = 0
        var damage: [ReplayReport.Damage] = []
        /// The manifest that names the files may be in place.
        var isCommitting = false
    }

    private static let stepByteCount = 1 << 20

    init(_ plan: RollUpPlan, walFiles: WALFiles, limits: SegmentLimits) {
        self.plan = plan
        self.walFiles = walFiles
        self.limits = limits
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(plan.mark) else { return .waiting }
        var state =
            progress
            ?? Progress(reader: WALFrameReader(walFiles), sink: SegmentSink(limits))
        progress = nil
        do throws(StorageError) {
            var byteCount = 0
            while byteCount < Self.stepByteCount, state.log < plan.logs.count {
                byteCount += try copyNext(&state, &context)
            }
            if state.log < plan.logs.count {
                progress = state
                return .more
            }
            let change = try commit(&state, &context)
            return .done(plan.end.map { .rolledUp(change, end: $0) } ?? .rolledUpAhead(.success(change)))
        } catch {
            progress = state
            throw error
        }
    }

    /// - Returns: how many bytes it was.
    private func copyNext(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> Int {
        let log = plan.logs[state.log]
        let entry = log.entries[state.entry]
        if state.entry == 0 {
            state.sink.begin(log.id, at: entry.baseOffset, byteCount: log.byteCount)
        }
        var sink = state.sink
        let isIntact = try state.reader.withPayload(
            at: entry.position, byteCount: Int(entry.byteCount)
        ) { bytes throws(StorageError) in
            try sink.append(bytes, StoredBatch(entry, of: log.id), &context)
        }
        state.sink = sink
        if !isIntact {
            // What nobody has to do is not done where something would be lost.
            guard plan.end != nil else {
                throw .damaged(path: walFiles.path(entry.position.fileNumber), offset: entry.position.offset)
            }
            state.damage.append(damage(entry, of: log.id))
        }
        state.entry += 1
        if state.entry == log.entries.count {
            try state.sink.end(at: entry.lastOffset)
            state.log += 1
            state.entry = 0
        }
        return Int(entry.byteCount)
    }

    private func damage(_ entry: LogTail.Entry, of log: LogID) -> ReplayReport.Damage {
        ReplayReport.Damage(
            path: walFiles.path(entry.position.fileNumber), offset: entry.position.offset,
            byteCount: WALFrame.byteCount(payload: Int(entry.byteCount)), reason: .payload,
            frame: FrameHeader(
                kind: .batch, log: log, baseOffset: entry.baseOffset, lastOffset: entry.lastOffset,
                appendTime: entry.appendTime, payloadByteCount: Int(entry.byteCount)))
    }

    private func commit(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> ManifestSwitch {
        let files = try state.sink.finish()
        if !files.isEmpty { try context.synchronizeSegmentFolder() }
        var manifest = context.manifest
        if let end = plan.end { manifest.rolledUpTo = max(manifest.rolledUpTo, end) }
        for file in files { manifest.files[file.number] = file }
        manifest.damage += plan.damage + state.damage
        state.isCommitting = true
        try context.put(manifest)
        return ManifestSwitch(added: files, damage: state.damage)
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        if let progress, !progress.isCommitting { progress.sink.abandon(context) }
        progress = nil
        return plan.end == nil ? .rolledUpAhead(.failure(error)) : nil
    }
}
