import Model
import Platform

/// What becomes of a batch when its segment is written anew.
public enum BatchFate: Sendable {
    case keep
    case drop
    /// Another batch with the same base and last offset takes its place.
    case replace([UInt8])
}

/// Neighbouring segments of one log that are to become one, or as few as their size allows.
struct SegmentRun: Sendable {
    /// At least one, of one log, in the order of their offsets.
    var segments: [SegmentDescriptor]

    var log: LogID { segments[0].log }
    var byteCount: Int { segments.reduce(0) { $0 + $1.byteCount } }
}

/// Writes segments anew in steps, batch by batch as somebody decides, and puts the new ones in their place: all of them with
/// one manifest. What a rewrite and a merge have in common.
///
/// An index that is damaged is made again on the way. Where it lacks batches that were there once the segment stays, so that
/// nobody forgets that they are missing.
struct SegmentCopy {
    typealias Decision = @Sendable (StoredBatch, RawSpan) throws -> BatchFate

    private let runs: [SegmentRun]
    private let limits: SegmentLimits
    private let decide: Decision
    private var progress: Progress?

    private struct Progress {
        var sink: SegmentSink
        var run = 0
        var segment = 0
        var index: SegmentIndex?
        var page = 0
        /// Not every batch was kept as it was.
        var isChanged = false
        /// The manifest that names the new files may be in place.
        var isCommitting = false
    }

    private static let stepByteCount = 1 << 20

    init(_ runs: [SegmentRun], limits: SegmentLimits, deciding decide: @escaping Decision) {
        let segments = runs.flatMap(\.segments)
        precondition(Set(segments).count == segments.count, "a segment twice: \(segments)")
        self.runs = runs
        self.limits = limits
        self.decide = decide
    }

    /// Copies about a megabyte; behind the last one, switches.
    ///
    /// - Parameter isWanted: whether new segments are wanted where every batch was kept.
    /// - Returns: the switch, empty where nothing was to be changed; nil where there is more to copy.
    /// - Throws: `damaged`, `gone` where a segment was deleted or rewritten meanwhile, `storageFull`, `failed`. ``abandon(_:)`` is
    ///   to be called then.
    mutating func step(
        _ context: inout BackgroundContext, evenUnchanged isWanted: Bool
    ) throws(StorageError) -> ManifestSwitch? {
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
            while byteCount < Self.stepByteCount, state.run < runs.count {
                byteCount += try copyPage(&state, &context)
            }
            if state.run < runs.count {
                progress = state
                return nil
            }
            guard state.isChanged || isWanted else {
                state.sink.abandon(context)
                return ManifestSwitch()
            }
            return try commit(&state, &context)
        } catch {
            progress = state
            throw error
        }
    }

    /// Takes away what is half done.
    mutating func abandon(_ context: BackgroundContext) {
        if let progress, !progress.isCommitting { progress.sink.abandon(context) }
        progress = nil
    }

    /// - Returns: how many bytes it had.
    private func copyPage(
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) -> Int {
        let run = runs[state.run]
        let segment = run.segments[state.segment]
        var index = if let open = state.index { open } else { try open(segment, context) }
        if state.segment == 0, state.page == 0 {
            state.sink.begin(run.log, at: segment.baseOffset, byteCount: run.byteCount)
        }
        var byteCount = 0
        if state.page < index.pageCount {
            let page = try index.page(state.page)
            if let repaired = index.repaired, !repaired.hasAll(of: segment) {
                throw .damaged(path: index.file.path, offset: segment.indexOffset)
            }
            for entry in page.entries { try copy(entry, of: segment, index.file, &state, &context) }
            byteCount = page.entries.reduce(0) { $0 + $1.byteCount }
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

    private func copy(
        _ entry: SegmentPage.Entry, of segment: SegmentDescriptor, _ file: SegmentFile,
        _ state: inout Progress, _ context: inout BackgroundContext
    ) throws(StorageError) {
        let batch = StoredBatch(entry, of: segment)
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
        let files = try state.sink.finish()
        try checkAreThere(context)
        if !files.isEmpty { try context.synchronizeSegmentFolder() }
        var manifest = context.manifest
        var change = ManifestSwitch(added: files)
        let replaced = Set(runs.flatMap(\.segments))
        manifest.remove(&change) { replaced.contains($0) }
        for file in files { manifest.files[file.number] = file }
        state.isCommitting = true
        try context.put(manifest)
        return change
    }

    /// Some may have been deleted or written anew since the loop saw them.
    private func checkAreThere(_ context: BackgroundContext) throws(StorageError) {
        for segment in runs.flatMap(\.segments)
        where context.manifest.files[segment.file]?.segments.contains(segment) != true {
            throw .gone(log: segment.log, offset: segment.baseOffset)
        }
    }
}
