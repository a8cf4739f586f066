import Model
import Platform

/// What becomes of a batch when its segment is rewritten.
public enum BatchFate: Sendable {
    case keep
    case drop
    /// Another batch with the same base and last offset takes its place.
    case replace([UInt8])
}

/// Writes one segment anew, batch by batch as the caller decides, and puts the new one in its place.
final class RewriteJob: BackgroundJob {
    typealias Decision = @Sendable (StoredBatch, RawSpan) throws -> BatchFate

    let urgency = BackgroundUrgency.rewrite
    private let id: UInt64
    private let segment: SegmentDescriptor
    private let mark: UInt64
    private let limits: SegmentLimits
    private let decide: Decision
    private var progress: Progress?

    private struct Progress {
        var index: SegmentIndex
        var sink: SegmentSink
        var page = 0
        var isChanged = false
        /// The manifest that names the new file may be in place.
        var isCommitting = false
    }

    private static let stepByteCount = 1 << 20

    /// - Parameter mark: what has to be durable before batches are left out.
    init(
        id: UInt64, _ segment: SegmentDescriptor, mark: UInt64, limits: SegmentLimits,
        _ decide: @escaping Decision
    ) {
        self.id = id
        self.segment = segment
        self.mark = mark
        self.limits = limits
        self.decide = decide
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(mark) else { return .waiting }
        var state: Progress
        if let progress { state = progress } else { state = try begin(&context) }
        progress = nil
        do throws(StorageError) {
            var byteCount = 0
            while byteCount < Self.stepByteCount, state.page < state.index.pageCount {
                let page = try state.index.page(state.page)
                // Made again, it lacks what could not be read: that must not become forgotten.
                if state.index.repaired != nil {
                    throw .damaged(path: state.index.file.path, offset: segment.indexOffset)
                }
                for entry in page.entries { try copy(entry, &state, &context) }
                byteCount += page.entries.reduce(0) { $0 + $1.byteCount }
                state.page += 1
            }
            if state.page < state.index.pageCount {
                progress = state
                return .more
            }
            return .done(.rewritten(id: id, .success(try commit(&state, &context))))
        } catch {
            progress = state
            throw error
        }
    }

    private func begin(_ context: inout BackgroundContext) throws(StorageError) -> Progress {
        try checkIsThere(context)
        let file: SegmentFile
        do {
            file = try SegmentFile(
                number: segment.file, folder: context.segmentFolder, folderID: context.folderID,
                on: context.fileSystem)
        } catch { throw .failed(error) }
        var sink = SegmentSink(limits)
        sink.begin(segment.log, at: segment.baseOffset, byteCount: segment.byteCount)
        return Progress(index: SegmentIndex(file: file, segment: segment), sink: sink)
    }

    private func copy(
        _ entry: SegmentPage.Entry, _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) {
        let batch = StoredBatch(entry, of: segment)
        let bytes = try state.index.file.batch(
            at: entry.dataOffset, byteCount: entry.byteCount, checksum: entry.checksum)
        let fate: BatchFate
        do { fate = try decide(batch, bytes.span.bytes) } catch {
            // The decision could not make sense of a batch that verifies.
            throw .damaged(path: state.index.file.path, offset: entry.dataOffset)
        }
        switch fate {
        case .keep: try state.sink.append(bytes.span.bytes, batch, &context)
        case .drop: state.isChanged = true
        case .replace(let other):
            state.isChanged = true
            var replacement = batch
            replacement.byteCount = other.count
            replacement.maxTimestampMilliseconds = BatchField.maxTimestamp(of: other.span.bytes)
            try state.sink.append(other.span.bytes, replacement, &context)
        }
    }

    private func commit(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> ManifestSwitch {
        guard state.isChanged else {
            state.sink.abandon(context)
            return ManifestSwitch()
        }
        try state.sink.end(at: segment.lastOffset)
        let files = try state.sink.finish()
        try checkIsThere(context)
        if !files.isEmpty { try context.synchronizeSegmentFolder() }
        var manifest = context.manifest
        var change = ManifestSwitch(added: files)
        manifest.remove(&change) { $0 == segment }
        for file in files { manifest.files[file.number] = file }
        state.isCommitting = true
        try context.put(manifest)
        return change
    }

    /// It may have been deleted since the caller saw it.
    private func checkIsThere(_ context: BackgroundContext) throws(StorageError) {
        guard context.manifest.files[segment.file]?.segments.contains(segment) == true else {
            throw .gone(log: segment.log, offset: segment.baseOffset)
        }
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        if let progress, !progress.isCommitting { progress.sink.abandon(context) }
        progress = nil
        return .rewritten(id: id, .failure(error))
    }
}
