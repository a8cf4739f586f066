/// Walks the batches of one segment, on any thread. The segment can be read as long as this lives,
/// also when it was deleted.
public struct SegmentReader: Sendable {
    public let segment: SegmentDescriptor
    private let file: SegmentFile

    init(_ segment: SegmentDescriptor, file: SegmentFile) {
        self.segment = segment
        self.file = file
    }

    /// Hands out each batch with its bytes, verified, in order.
    ///
    /// - Parameter damaged: gets the batches that are not what was written; the walk goes on.
    /// - Throws: `StorageError` when the device says no; what `body` throws.
    public func forEachBatch(
        damaged: (StoredBatch) -> Void = { _ in },
        _ body: (StoredBatch, RawSpan) throws -> Void
    ) throws {
        var index = SegmentIndex(file: file, segment: segment)
        var page = 0
        while page < index.pageCount {
            for entry in try index.page(page).entries {
                let batch = StoredBatch(entry, of: segment)
                if let bytes = try bytes(of: entry) {
                    try body(batch, bytes.span.bytes)
                } else {
                    damaged(batch)
                }
            }
            page += 1
        }
    }

    /// Nil where they are not what was written.
    private func bytes(of entry: SegmentPage.Entry) throws(StorageError) -> [UInt8]? {
        do {
            return try file.batch(
                at: entry.dataOffset, byteCount: entry.byteCount, checksum: entry.checksum)
        } catch .damaged {
            return nil
        }
    }

    /// What the batches that can be read say of transactions.
    ///
    /// - Throws: `failed`; `damaged` where no batch can be found.
    func findTransactions() throws(StorageError) -> TransactionIndex {
        var found = TransactionIndex()
        do {
            try forEachBatch { batch, bytes in
                let transactional = TransactionalBatch(
                    bytes, baseOffset: batch.baseOffset, lastOffset: batch.lastOffset)
                if let transactional { found.append(transactional) }
            }
        } catch let error as StorageError {
            throw error
        } catch { preconditionFailure("\(error)") }
        return found
    }

    /// The pages of the index that are not what was written; a head counts as its page. So is what
    /// lies between pages and heads.
    ///
    /// - Throws: `failed`.
    func damagedIndexRanges() throws(StorageError) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for place in 0..<segment.pageCount where try file.page(place, of: segment) == nil {
            if let head = try file.head(place, of: segment) {
                ranges.append(head.offset..<head.offset + head.byteCount)
            } else {
                let end = segment.indexOffset + segment.indexByteCount
                let start = end - (segment.pageCount - place) * SegmentPage.headByteCount
                ranges.append(start..<start + SegmentPage.headByteCount)
            }
        }
        if ranges.isEmpty, segment.pageCount > 0, try file.transactions(of: segment) == nil,
            let last = try file.head(segment.pageCount - 1, of: segment)
        {
            let start = last.offset + last.byteCount
            let end = segment.indexOffset + segment.indexByteCount
            ranges.append(start..<end - segment.pageCount * SegmentPage.headByteCount)
        }
        return ranges
    }
}
