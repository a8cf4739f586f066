public import Model

extension LogStore {
    /// The segments of a log in the order of their offsets, without what is in the write-ahead log.
    public func segments(of log: LogID) -> [SegmentDescriptor] { logs[log]?.segments ?? [] }

    /// The segment that stands for `offset`, or the next one; nil where there is none.
    public func segment(of log: LogID, holding offset: Offset) -> SegmentDescriptor? {
        guard let index = logs[log], case let place = index.firstSegment(holding: max(offset, index.start)),
            place < index.segments.count
        else { return nil }
        return index.segments[place]
    }

    /// The segment that a batch lies in, where it is in one.
    public func segment(of log: LogID, with batch: StoredBatch) -> SegmentDescriptor? {
        guard case .segment(let file, _, _) = batch.place, let segment = segment(of: log, holding: batch.baseOffset),
            segment.file == file
        else { return nil }
        return segment
    }

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

    /// Writes segments anew in the background and puts the new ones in the place of the old ones, all
    /// at once. A new one stands for the same offsets. Where every batch is kept nothing changes. It
    /// begins when all that was appended before this call is durable.
    ///
    /// Of the last segment of a log a batch has to be kept, be it an empty one: up to its end nobody looks into the write-ahead
    /// log, which may have all of it still.
    ///
    /// - Parameters:
    ///   - segments: each once, of any logs. Where one of them cannot be rewritten none is.
    ///   - decide: on the background thread, for each batch in order; over values that it captured.
    ///     What it throws means that the batch makes no sense, and leaves all as it is.
    ///   - whenDone: on the caller's thread, from ``applyBackgroundWork()``. `damaged`: a batch could
    ///     not be read, and the segments stay as they are; ``takeDamage()`` says which. `gone`: one
    ///     was deleted or moved meanwhile. `storageFull`, `failed`: to be asked for again later.
    public func rewrite(
        _ segments: [SegmentDescriptor],
        deciding decide: @escaping @Sendable (StoredBatch, RawSpan) throws -> BatchFate,
        whenDone: @escaping (Result<RewriteOutcome, StorageError>) -> Void
    ) {
        nextRewriteID += 1
        rewrites[nextRewriteID] = (segments, whenDone)
        let limits = SegmentLimits(
            segmentByteCount: .max, ownFileByteCount: options.ownFileByteCount)
        worker.add(
            RewriteJob(
                id: nextRewriteID, segments, mark: wal.appendedMark, limits: limits, decide))
    }

    /// Shows the batches of segments in the background, verified and in order. What is damaged is left out, and told by
    /// ``takeDamage()``.
    ///
    /// - Parameters:
    ///   - stopsAtDamage: whether nothing is shown behind what is damaged.
    ///   - visit: on the background thread. Returns whether it wants to see more; what it throws means that the batch
    ///     makes no sense, and counts as damage.
    ///   - whenDone: on the caller's thread, from ``applyBackgroundWork()``; told how many batches or stretches of them
    ///     were found damaged. `gone`: one of the segments was deleted or moved meanwhile. `failed`, `closed`.
    public func scan(
        _ segments: [SegmentDescriptor], stopsAtDamage: Bool = false,
        visiting visit: @escaping @Sendable (StoredBatch, RawSpan) throws -> Bool,
        whenDone: @escaping (Result<Int, StorageError>) -> Void
    ) {
        nextRewriteID += 1
        scans[nextRewriteID] = whenDone
        worker.add(ScanJob(id: nextRewriteID, segments, stopsAtDamage: stopsAtDamage, visit))
    }

    func applyScan(_ id: UInt64, _ result: Result<ScanJob.Outcome, StorageError>) {
        guard let whenDone = scans.removeValue(forKey: id) else { return }
        if case .success(let outcome) = result { for one in outcome.damage { tellDamage(one) } }
        whenDone(result.map(\.damageCount))
    }

    func applyRewrite(_ id: UInt64, _ result: Result<ManifestSwitch, StorageError>) {
        guard let (segments, whenDone) = rewrites.removeValue(forKey: id) else { return }
        switch result {
        case .failure(let error):
            tellDamage(error)
            whenDone(.failure(error))
        case .success(let change):
            apply(change)
            let now = change.removed.isEmpty ? segments : change.added.flatMap(\.segments)
            let freed = segments.reduce(0) { $0 + $1.byteCount } - now.reduce(0) { $0 + $1.byteCount }
            whenDone(.success(RewriteOutcome(segments: now, freedByteCount: freed)))
        }
    }
}

/// What rewriting segments came to.
public struct RewriteOutcome: Sendable {
    /// Those that are there now; one of which nothing was kept has no successor.
    public var segments: [SegmentDescriptor]
    public var freedByteCount: Int
}
