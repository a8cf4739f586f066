import Model
import Platform

/// What becomes of a batch when its segment is rewritten.
public enum BatchFate: Sendable {
    case keep
    case drop
    /// Another batch with the same base and last offset takes its place.
    case replace([UInt8])
}

/// Writes segments anew, batch by batch as the caller decides, and puts the new ones in their place: all of them with one
/// manifest.
final class RewriteJob: BackgroundJob {
    typealias Decision = @Sendable (StoredBatch, RawSpan) throws -> BatchFate

    let urgency = BackgroundUrgency.rewrite
    private let id: UInt64
    private let segments: [SegmentDescriptor]
    private let mark: UInt64
    private let limits: SegmentLimits
    private let decide: Decision
    private var progress: Progress?

    private struct Progress {
        var sink: SegmentSink
        var segment = 0
        var index: SegmentIndex?
        var page = 0
        var isChanged = false
        /// The manifest that names the new file may be in place.
        var isCommitting = false
    }

    private static let stepByteCount = 1 << 20

    /// - Parameter mark: what has to be durable before batches are left out.
    init(
        id: UInt64, _ segments: [SegmentDescriptor], mark: UInt64, limits: SegmentLimits,
        _ decide: @escaping Decision
    ) {
        precondition(Set(segments).count == segments.count, "a segment twice: \(segments)")
        self.id = id
        self.segments = segments
        self.mark = mark
        self.limits = limits
        self.decide = decide
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(mark) else { return .waiting }
        var state: Progress
        if let progress {
            state = progress
        } else {
            try checkAreThere(context)
            state = Progress(sink: SegmentSink(limits))
        }
        progress = nil
        do throws(StorageError) {
            var byteCount = 0
            while byteCount < Self.stepByteCount, state.segment < segments.count {
                byteCount += try copyPage(&state, &context)
            }
            if state.segment < segments.count {
                progress = state
                return .more
            }
            return .done(.rewritten(id: id, .success(try commit(&state, &context))))
        } catch {
            progress = state
            throw error
        }
    }

    /// - Returns: how many bytes it had.
    private func copyPage(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> Int {
        let segment = segments[state.segment]
        var index: SegmentIndex
        if let open = state.index {
            index = open
        } else {
            index = try open(segment, context)
            state.sink.begin(segment.log, at: segment.baseOffset, byteCount: segment.byteCount)
        }
        var byteCount = 0
        if state.page < index.pageCount {
            let page = try index.page(state.page)
            // Where it was made again and lacks what could not be read, that must not become forgotten.
            if let repaired = index.repaired, !repaired.hasAll(of: segment) {
                throw .damaged(path: index.file.path, offset: segment.indexOffset)
            }
            for entry in page.entries { try copy(entry, index.file, &state, &context) }
            byteCount = page.entries.reduce(0) { $0 + $1.byteCount }
            state.page += 1
        }
        if state.page < index.pageCount {
            state.index = index
        } else {
            try state.sink.end(at: segment.lastOffset)
            state.index = nil
            state.page = 0
            state.segment += 1
        }
        return byteCount
    }

    private func open(
        _ segment: SegmentDescriptor, _ context: BackgroundContext
    ) throws(StorageError) -> SegmentIndex {
        do {
            let file = try SegmentFile(
                number: segment.file, folder: context.segmentFolder, folderID: context.folderID,
                on: context.fileSystem)
            return SegmentIndex(file: file, segment: segment)
        } catch { throw .failed(error) }
    }

    private func copy(
        _ entry: SegmentPage.Entry, _ file: SegmentFile, _ state: inout Progress,
        _ context: inout BackgroundContext
    ) throws(StorageError) {
        let batch = StoredBatch(entry, of: segments[state.segment])
        let bytes = try file.batch(
            at: entry.dataOffset, byteCount: entry.byteCount, checksum: entry.checksum)
        let fate: BatchFate
        do { fate = try decide(batch, bytes.span.bytes) } catch {
            // The decision could not make sense of a batch that verifies.
            throw .damaged(path: file.path, offset: entry.dataOffset)
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
        let files = try state.sink.finish()
        try checkAreThere(context)
        if !files.isEmpty { try context.synchronizeSegmentFolder() }
        var manifest = context.manifest
        var change = ManifestSwitch(added: files)
        let replaced = Set(segments)
        manifest.remove(&change) { replaced.contains($0) }
        for file in files { manifest.files[file.number] = file }
        state.isCommitting = true
        try context.put(manifest)
        return change
    }

    /// Some may have been deleted since the caller saw them.
    private func checkAreThere(_ context: BackgroundContext) throws(StorageError) {
        for segment in segments
        where context.manifest.files[segment.file]?.segments.contains(segment) != true {
            throw .gone(log: segment.log, offset: segment.baseOffset)
        }
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        if let progress, !progress.isCommitting { progress.sink.abandon(context) }
        progress = nil
        return .rewritten(id: id, .failure(error))
    }
}
