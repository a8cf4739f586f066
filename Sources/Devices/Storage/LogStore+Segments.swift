public import Model

extension LogStore {
    /// The segments of a log in the order of their offsets, without what is in the write-ahead log.
    public func segments(of log: LogID) -> [SegmentDescriptor] { logs[log]?.segments ?? [] }

    /// The path of a segment's file.
    public func path(of segment: SegmentDescriptor) -> String {
        segmentCache.folder + "/" + SegmentFormat.name(segment.file)
    }

    /// Opens a segment to be walked on any thread; nil where it is not there any more.
    ///
    /// - Throws: `failed`.
    public func reader(of segment: SegmentDescriptor) throws(StorageError) -> SegmentReader? {
        guard logs[segment.log]?.segments.contains(segment) == true,
            let file = try segmentCache.file(segment.file)
        else { return nil }
        return SegmentReader(segment, file: file)
    }

    /// Writes a segment anew in the background and puts it in the place of the old one. The new one
    /// stands for the same offsets. Where every batch is kept nothing changes. It begins when all
    /// that was appended before this call is durable.
    ///
    /// - Parameters:
    ///   - decide: on the background thread, for each batch in order; over values that it captured.
    ///     What it throws means that the batch makes no sense, and leaves all as it is.
    ///   - whenDone: on the caller's thread, from ``applyBackgroundWork()``. `damaged`: a batch could
    ///     not be read, and the segment stays as it is. `gone`: it was deleted meanwhile.
    ///     `storageFull`, `failed`: to be asked for again later.
    public func rewrite(
        _ segment: SegmentDescriptor,
        deciding decide: @escaping @Sendable (StoredBatch, RawSpan) throws -> BatchFate,
        whenDone: @escaping (Result<RewriteOutcome, StorageError>) -> Void
    ) {
        nextRewriteID += 1
        rewrites[nextRewriteID] = (segment, whenDone)
        let limits = SegmentLimits(
            segmentByteCount: .max, ownFileByteCount: options.ownFileByteCount)
        worker.add(
            RewriteJob(
                id: nextRewriteID, segment, mark: wal.appendedMark, limits: limits, decide))
    }

    func applyRewrite(_ id: UInt64, _ result: Result<ManifestSwitch, StorageError>) {
        guard let (segment, whenDone) = rewrites.removeValue(forKey: id) else { return }
        switch result {
        case .failure(let error):
            whenDone(.failure(error))
        case .success(let change):
            apply(change)
            let isChanged = !change.removed.isEmpty
            let after = change.added.flatMap(\.segments).first
            whenDone(
                .success(
                    RewriteOutcome(
                        segment: isChanged ? after : segment,
                        freedByteCount: isChanged
                            ? segment.byteCount - (after?.byteCount ?? 0) : 0)))
        }
    }
}

/// What rewriting a segment came to.
public struct RewriteOutcome: Sendable {
    /// The one that is there now; nil where nothing was kept.
    public var segment: SegmentDescriptor?
    public var freedByteCount: Int
}
