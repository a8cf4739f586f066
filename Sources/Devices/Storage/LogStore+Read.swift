import DequeModule
public import Model
import Platform

extension LogStore {
    /// The logs that have batches.
    public var storedLogs: [LogID] { logs.filter { !$0.value.isEmpty }.keys.sorted() }

    /// How many bytes the batches of a log take, with all of the segment that its start lies in.
    public func byteCount(of log: LogID) -> Int64 { logs[log]?.byteCount ?? 0 }

    /// The last offset that a batch of the log stands for; nil where it has none.
    public func lastOffset(of log: LogID) -> Offset? { logs[log]?.lastOffset }

    // MARK: Finding

    /// The batch that holds `offset`, or the next one where it lies in a gap; nil behind the last.
    ///
    /// What is damaged is a gap, and told by ``takeDamage()``.
    /// - Throws: `failed`.
    public func batch(
        of log: LogID, holding offset: Offset
    ) throws(StorageError) -> StoredBatch? {
        guard let index = logs[log] else { return nil }
        let offset = max(offset, index.start)
        for segment in index.segments[index.firstSegment(holding: offset)...] {
            var page = try segmentCache.firstPage(holding: offset, of: segment)
            while page < segmentCache.pageCount(of: segment) {
                if let found = try segmentCache.page(page, of: segment),
                    let entry = found.firstIndex(holding: offset)
                {
                    return StoredBatch(found.entries[entry], of: segment)
                }
                page += 1
            }
        }
        guard let entry = index.tail.firstIndex(holding: offset) else { return nil }
        return StoredBatch(index.tail.entries[entry], of: log)
    }

    /// The batches from the one that holds `offset` on, in order.
    public func batches(of log: LogID, from offset: Offset) -> StoredBatches {
        StoredBatches(store: self, log: log, next: offset)
    }

    /// The first batch that was appended at `time` or later, also where the clock went back.
    ///
    /// - Throws: `failed`.
    public func firstBatch(
        of log: LogID, appendedAt time: Timestamp
    ) throws(StorageError) -> StoredBatch? {
        guard let index = logs[log] else { return nil }
        for segment in index.segments where segment.maxAppendTime >= time {
            let found = try firstBatch(
                in: segment, from: index.start, page: { $0.maxAppendTime >= time },
                entry: { $0.appendTime >= time })
            if let found { return found }
        }
        guard let entry = index.tail.firstIndex(appendedAt: time) else { return nil }
        return StoredBatch(index.tail.entries[entry], of: log)
    }

    /// The first batch with a record as young as `milliseconds`.
    ///
    /// - Throws: `failed`.
    public func firstBatch(
        of log: LogID, withTimestamp milliseconds: Int64
    ) throws(StorageError) -> StoredBatch? {
        guard let index = logs[log] else { return nil }
        for segment in index.segments where segment.maxTimestampMilliseconds >= milliseconds {
            let found = try firstBatch(
                in: segment, from: index.start,
                page: { $0.maxTimestampMilliseconds >= milliseconds },
                entry: { $0.maxTimestampMilliseconds >= milliseconds })
            if let found { return found }
        }
        guard let entry = index.tail.firstIndex(withTimestamp: milliseconds) else { return nil }
        return StoredBatch(index.tail.entries[entry], of: log)
    }

    /// The largest record timestamp of all batches; nil where there are none.
    public func maxTimestampMilliseconds(of log: LogID) -> Int64? {
        guard let index = logs[log], !index.isEmpty else { return nil }
        let inSegments = index.segments.map(\.maxTimestampMilliseconds).max() ?? .min
        return index.tail.entries.reduce(inSegments) { max($0, $1.maxTimestampMilliseconds) }
    }

    private func firstBatch(
        in segment: SegmentDescriptor, from start: Offset,
        page mayHave: (SegmentPage.Head) -> Bool, entry belongs: (SegmentPage.Entry) -> Bool
    ) throws(StorageError) -> StoredBatch? {
        var page = try segmentCache.firstPage(of: segment, where: mayHave)
        while page < segmentCache.pageCount(of: segment) {
            if let found = try segmentCache.page(page, of: segment),
                let entry = found.entries.firstIndex(where: {
                    belongs($0) && $0.lastOffset >= start
                })
            {
                return StoredBatch(found.entries[entry], of: segment)
            }
            page += 1
        }
        return nil
    }

    // MARK: Reading

    /// The bytes of a batch as they were appended.
    ///
    /// - Parameter verifying: compare with the checksum, where they come from a file.
    /// - Throws: `damaged`, `failed`, `gone` where the batch was deleted or rewritten meanwhile.
    public func read(
        _ batch: StoredBatch, verifying: Bool = false
    ) throws(StorageError) -> [UInt8] {
        let batch = try current(batch)
        switch batch.place {
        case .writeAheadLog(let position):
            do {
                return try wal.read(
                    position, byteCount: batch.byteCount, verifyingPayload: verifying)
            } catch .damaged(let path, let offset) {
                segmentCache.tellDamaged(batch, path, at: offset)
                throw .damaged(path: path, offset: offset)
            }
        case .segment(let number, let offset, let checksum):
            guard let file = try segmentCache.file(number) else {
                throw .damaged(
                    path: segmentCache.folder + "/" + SegmentFormat.name(number), offset: offset)
            }
            do {
                return try file.batch(
                    at: offset, byteCount: batch.byteCount, checksum: verifying ? checksum : nil)
            } catch .damaged(let path, let offset) {
                segmentCache.tellDamaged(batch, path, at: offset)
                throw .damaged(path: path, offset: offset)
            }
        }
    }

    /// The batch where it is now, as batches move when they are rolled up or rewritten.
    private func current(_ batch: StoredBatch) throws(StorageError) -> StoredBatch {
        guard let index = logs[batch.log], batch.lastOffset >= index.start else {
            throw .gone(log: batch.log, offset: batch.baseOffset)
        }
        switch batch.place {
        case .writeAheadLog(let position) where position >= rolledUpTo: return batch
        case .segment(let file, _, _) where segmentFiles[file] != nil: return batch
        default: break
        }
        guard let found = try self.batch(of: batch.log, holding: batch.baseOffset),
            found.baseOffset == batch.baseOffset, found.byteCount == batch.byteCount
        else { throw .gone(log: batch.log, offset: batch.baseOffset) }
        return found
    }
}

/// A walk over the batches of one log. It goes on where it was when the store has changed meanwhile.
public struct StoredBatches {
    private let store: LogStore
    private let log: LogID
    private var nextOffset: Offset

    init(store: LogStore, log: LogID, next: Offset) {
        self.store = store
        self.log = log
        nextOffset = next
    }

    /// The next batch; nil when there is none now.
    ///
    /// - Throws: `failed`.
    public mutating func next() throws(StorageError) -> StoredBatch? {
        guard let batch = try store.batch(of: log, holding: nextOffset) else { return nil }
        nextOffset = batch.lastOffset.advanced(by: 1)
        return batch
    }
}
