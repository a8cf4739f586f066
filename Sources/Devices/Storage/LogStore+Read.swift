import DequeModule
public import Model

extension LogStore {
    /// The logs that have batches.
    public var storedLogs: [LogID] { logs.keys.sorted() }

    /// How many bytes the batches of a log take.
    public func byteCount(of log: LogID) -> Int64 { logs[log]?.byteCount ?? 0 }

    /// The batch that holds `offset`, or the next one where it lies in a gap; nil behind the last.
    public func batch(
        of log: LogID, holding offset: Offset
    ) throws(StorageError) -> StoredBatch? {
        guard let tail = logs[log], let index = tail.firstIndex(holding: offset) else { return nil }
        return StoredBatch(tail.entries[index], of: log)
    }

    /// The batches from the one that holds `offset` on, in order.
    public func batches(of log: LogID, from offset: Offset) -> StoredBatches {
        StoredBatches(store: self, log: log, next: offset)
    }

    /// The first batch that was appended at `time` or later, also where the clock went back.
    public func firstBatch(
        of log: LogID, appendedAt time: Timestamp
    ) throws(StorageError) -> StoredBatch? {
        guard let tail = logs[log], let index = tail.firstIndex(appendedAt: time) else {
            return nil
        }
        return StoredBatch(tail.entries[index], of: log)
    }

    /// The first batch from `offset` on with a record as young as `milliseconds`.
    public func firstBatch(
        of log: LogID, withTimestamp milliseconds: Int64
    ) throws(StorageError) -> StoredBatch? {
        guard let tail = logs[log], let index = tail.firstIndex(withTimestamp: milliseconds) else {
            return nil
        }
        return StoredBatch(tail.entries[index], of: log)
    }

    /// The bytes of a batch as they were appended.
    ///
    /// - Parameter verifying: compare with the checksum, where they come from a file.
    /// - Throws: `damaged`, `failed`.
    public func read(
        _ batch: StoredBatch, verifying: Bool = false
    ) throws(StorageError) -> [UInt8] {
        switch batch.place {
        case .writeAheadLog(let position):
            return try wal.read(
                position, byteCount: batch.byteCount, verifyingPayload: verifying)
        }
    }
}

/// A walk over the batches of one log.
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
    /// - Throws: `damaged`, `failed`.
    public mutating func next() throws(StorageError) -> StoredBatch? {
        guard let batch = try store.batch(of: log, holding: nextOffset) else { return nil }
        nextOffset = batch.lastOffset.advanced(by: 1)
        return batch
    }
}
