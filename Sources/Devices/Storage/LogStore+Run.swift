public import Model
public import Platform

/// Some batches of a log that lie end to end in one file.
public struct BatchRun: Sendable {
    public var region: FileRegion
    /// Of the first batch.
    public var baseOffset: Offset
    /// Behind the last batch.
    public var nextOffset: Offset
    public var batchCount: Int
}

extension LogStore {
    /// Whole batches that lie end to end in a segment, to be sent as they are; they can be read as long as the run lives.
    ///
    /// Nothing of the batches is looked at, so damage in them goes along: who gets them compares their checksums, as
    /// Kafka's clients do.
    /// - Parameters:
    ///   - offset: held by the first of them, or by none and then they begin behind it.
    ///   - end: those that reach this offset are left out.
    ///   - byteLimit: how much there may be, but for a first one that is larger where `atLeastOne`.
    /// - Returns: nil where the next batch is too large or in no segment yet, or there is none below the end.
    /// - Throws: `damaged` where the file ends before the run does, `failed`.
    public func run(
        of log: LogID, from offset: Offset, below end: Offset, byteLimit: Int, atLeastOne: Bool
    ) throws(StorageError) -> BatchRun? {
        guard let index = logs[log] else { return nil }
        let offset = max(offset, index.start)
        for segment in index.segments[index.firstSegment(holding: offset)...] {
            if let run = try run(in: segment, from: offset, below: end, byteLimit: byteLimit) {
                // Where the next batch is too large it is not the turn of those behind it.
                guard atLeastOne || run.region.byteCount <= byteLimit else { return nil }
                return try checked(run, of: segment)
            }
            // A segment without such a batch is damaged, or its last batches are not asked for.
            if segment.lastOffset >= end { return nil }
        }
        return nil
    }

    /// The first batch may be larger than the limit.
    private func run(
        in segment: SegmentDescriptor, from offset: Offset, below end: Offset, byteLimit: Int
    ) throws(StorageError) -> BatchRun? {
        var first: SegmentPage.Entry?
        var last: SegmentPage.Entry?
        var count = 0
        var place = try segmentCache.firstPage(holding: offset, of: segment)
        pages: while place < segmentCache.pageCount(of: segment) {
            defer { place += 1 }
            guard let page = try segmentCache.page(place, of: segment) else {
                if first == nil { continue }
                break
            }
            guard let start = count > 0 ? 0 : page.firstIndex(holding: offset) else { continue }
            for entry in page.entries[start...] {
                guard entry.lastOffset < end else { break pages }
                if let first, let last {
                    guard entry.dataOffset == last.dataOffset + last.byteCount,
                        entry.dataOffset + entry.byteCount - first.dataOffset <= byteLimit
                    else { break pages }
                } else {
                    first = entry
                }
                last = entry
                count += 1
            }
        }
        guard let first, let last, let file = try segmentCache.file(segment.file) else { return nil }
        return BatchRun(
            region: FileRegion(
                file: file.handle, offset: first.dataOffset,
                byteCount: last.dataOffset + last.byteCount - first.dataOffset),
            baseOffset: first.baseOffset, nextOffset: last.lastOffset.advanced(by: 1), batchCount: count)
    }

    /// What the file is too short for would be found out in the middle of an answer.
    private func checked(_ run: BatchRun, of segment: SegmentDescriptor) throws(StorageError) -> BatchRun {
        let byteCount: Int
        do { byteCount = try run.region.file.byteCount() } catch { throw .failed(error) }
        guard run.region.offset + run.region.byteCount <= byteCount else {
            throw .damaged(path: segmentCache.folder + "/" + SegmentFormat.name(segment.file), offset: byteCount)
        }
        return run
    }
}
