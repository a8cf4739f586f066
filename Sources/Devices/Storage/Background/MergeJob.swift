import Model
import Platform

/// Neighbouring segments of one log that are to become one, or as few as their size allows.
struct MergeRun: Sendable {
    var log: LogID
    /// At least one, in the order of their offsets.
    var segments: [SegmentDescriptor]
    /// Batches that end before it are gone and left out.
    var start: Offset

    var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }
}

/// Copies small neighbours together, and what is left in files that are mostly dead, so that neither
/// segments nor dead space add up without end.
final class MergeJob: BackgroundJob {
    let urgency = BackgroundUrgency.merge
    private let runs: [MergeRun]
    private let mark: UInt64
    private let limits: SegmentLimits
    private var progress: Progress?

    private struct Progress {
        var sink: SegmentSink
        var run = 0
        var segment = 0
        var index: SegmentIndex?
        var page = 0
        /// The manifest that names the new files may be in place.
        var isCommitting = false
    }

    private static let stepByteCount = 1 << 20

    /// - Parameter mark: what has to be durable before batches are left out.
    init(_ runs: [MergeRun], mark: UInt64, limits: SegmentLimits) {
        let segments = runs.flatMap(\.segments)
        precondition(Set(segments).count == segments.count, "a segment in two runs: \(segments)")
        self.runs = runs
        self.mark = mark
        self.limits = limits
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(mark) else { return .waiting }
        var state = progress ?? Progress(sink: SegmentSink(limits))
        progress = nil
        do throws(StorageError) {
            var byteCount = 0
            while byteCount < Self.stepByteCount, state.run < runs.count {
                byteCount += try copyPage(&state, &context)
            }
            if state.run < runs.count {
                progress = state
                return .more
            }
            return .done(.merged(.success(try commit(&state, &context))))
        } catch {
            progress = state
            throw error
        }
    }

    /// - Returns: how many bytes it had.
    private func copyPage(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> Int {
        let run = runs[state.run]
        let segment = run.segments[state.segment]
        if state.segment == 0, state.page == 0 {
            state.sink.begin(run.log, at: segment.baseOffset, byteCount: run.byteCount)
        }
        var index: SegmentIndex
        if let open = state.index { index = open } else { index = try open(segment, context) }
        var byteCount = 0
        if state.page < index.pageCount {
            let page = try index.page(state.page)
            // Made again, it lacks what could not be read: that must not become forgotten.
            if index.repaired != nil {
                throw .damaged(path: index.file.path, offset: segment.indexOffset)
            }
            for entry in page.entries where entry.lastOffset >= run.start {
                let bytes = try index.file.batch(
                    at: entry.dataOffset, byteCount: entry.byteCount, checksum: entry.checksum)
                try state.sink.append(
                    bytes.span.bytes, StoredBatch(entry, of: segment), &context)
                byteCount += bytes.count
            }
            state.page += 1
        }
        if state.page < index.pageCount {
            state.index = index
            return byteCount
        }
        state.index = nil
        state.page = 0
        state.segment += 1
        if state.segment == run.segments.count {
            try state.sink.end(at: segment.lastOffset)
            state.segment = 0
            state.run += 1
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

    private func commit(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> ManifestSwitch {
        let files = try state.sink.finish()
        let merged = Set(runs.flatMap(\.segments))
        for segment in merged
        where context.manifest.files[segment.file]?.segments.contains(segment) != true {
            // Deleted or rewritten meanwhile; there will be another merge.
            throw .gone(log: segment.log, offset: segment.baseOffset)
        }
        if !files.isEmpty { try context.synchronizeSegmentFolder() }
        var manifest = context.manifest
        var change = ManifestSwitch(added: files)
        manifest.remove(&change) { merged.contains($0) }
        for file in files { manifest.files[file.number] = file }
        state.isCommitting = true
        try context.put(manifest)
        return change
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        if let progress, !progress.isCommitting { progress.sink.abandon(context) }
        progress = nil
        return .merged(.failure(error))
    }
}
