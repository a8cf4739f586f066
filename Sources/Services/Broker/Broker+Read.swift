import Bytes
import JetStream
import Logging
import Model
import Records
import Storage

extension Broker {
    /// Appends whole batches to `bytes`, from the one that holds `offset` on, as long as they can be read and fit in
    /// `byteLimit`.
    ///
    /// - Parameter atLeastOne: take the first batch even if it is larger than the limit, so that a reader with a small
    ///   limit is not stuck (KIP-74).
    /// - Returns: how many bytes were appended.
    @discardableResult
    public func readBatches(
        of log: PartitionLog, from offset: Offset, byteLimit: Int, atLeastOne: Bool,
        into bytes: inout [UInt8]
    ) throws(StorageError) -> Int {
        guard var place = log.index.firstIndex(holding: offset) else { return 0 }
        let start = bytes.count
        while place < log.index.entries.count {
            let entry = log.index.entries[place]
            guard entry.lastOffset < log.readableEnd else { break }
            let taken = bytes.count - start
            guard taken + Int(entry.byteCount) <= byteLimit || (taken == 0 && atLeastOne) else { break }
            bytes.append(contentsOf: try readBatch(entry, of: log))
            place += 1
        }
        return bytes.count - start
    }

    /// How many bytes can be read from `offset` on, at most about `limit`.
    public func readableByteCount(of log: PartitionLog, from offset: Offset, limit: Int) -> Int {
        guard var place = log.index.firstIndex(holding: offset) else { return 0 }
        var count = 0
        while place < log.index.entries.count, count < limit {
            let entry = log.index.entries[place]
            guard entry.lastOffset < log.readableEnd else { break }
            count += Int(entry.byteCount)
            place += 1
        }
        return count
    }

    /// One batch as Kafka reads it: as it was stored, without records that JetStream has deleted.
    func readBatch(
        _ entry: BatchIndex.Entry, of log: PartitionLog
    ) throws(StorageError) -> [UInt8] {
        let bytes = try wal.read(entry.position, byteCount: Int(entry.byteCount))
        guard log.hasHoles, entry.lastOffset >= log.startOffset else { return bytes }
        return withoutRemovedRecords(bytes, of: log)
    }

    /// The batch written anew without the records that are gone, at the same offsets; as it is where all are there.
    private func withoutRemovedRecords(_ bytes: [UInt8], of log: PartitionLog) -> [UInt8] {
        do {
            try wakeView(of: log)
            let header = try RecordBatchHeader(bytes.span.bytes)
            var builder = RecordBatchBuilder(capacity: bytes.count)
            builder.begin(.init(header))
            var removedCount = 0
            try reader.forEachRecord(of: bytes.span.bytes) { batch, record in
                let offset = batch.offset(of: record)
                if log.view?.contains(StreamSequence(offset)) == true || offset < log.startOffset {
                    builder.append(record, of: batch)
                } else {
                    removedCount += 1
                }
            }
            guard removedCount > 0 else { return bytes }
            builder.seal(lastOffset: header.lastOffset)
            return Array(copying: builder.bytes)
        } catch {
            // As it was stored: the reader gets more than it should, and nothing is lost.
            self.log.error("batch of log \(log.id.value) cannot be read: \(error)")
            return bytes
        }
    }

    /// Where a search by time ends.
    public struct TimedOffset: Equatable, Sendable {
        public var offset: Offset
        public var timestampMilliseconds: Int64
    }

    /// The first readable record whose timestamp is `milliseconds` or later.
    public func firstOffset(
        of log: PartitionLog, withTimestamp milliseconds: Int64
    ) throws -> TimedOffset? {
        guard var place = log.index.firstIndex(withTimestamp: milliseconds) else { return nil }
        while place < log.index.entries.count {
            let entry = log.index.entries[place]
            guard entry.lastOffset < log.readableEnd else { return nil }
            if entry.lastOffset >= log.startOffset, entry.maxTimestampMilliseconds >= milliseconds {
                var found: TimedOffset?
                let bytes = try readBatch(entry, of: log)
                try reader.forEachRecord(of: bytes.span.bytes) { batch, record in
                    let offset = batch.offset(of: record)
                    let timestamp = batch.timestampMilliseconds(of: record)
                    if found == nil, offset >= log.startOffset, timestamp >= milliseconds {
                        found = TimedOffset(offset: offset, timestampMilliseconds: timestamp)
                    }
                }
                if let found { return found }
            }
            place += 1
        }
        return nil
    }

    /// The readable record with the largest timestamp; the earliest of several.
    public func offsetOfMaxTimestamp(of log: PartitionLog) throws -> TimedOffset? {
        let readable = log.index.entries.filter {
            $0.lastOffset < log.readableEnd && $0.lastOffset >= log.startOffset
        }
        guard let largest = readable.map(\.maxTimestampMilliseconds).max() else { return nil }
        return try firstOffset(of: log, withTimestamp: largest)
    }
}
