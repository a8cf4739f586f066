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
        let start = bytes.count
        var next = offset
        var batches = store.batches(of: log.id, from: offset)
        while let batch = try batches.next(), batch.lastOffset < log.readableEnd {
            let taken = bytes.count - start
            guard taken + batch.byteCount <= byteLimit || (taken == 0 && atLeastOne) else { break }
            let stored = try store.read(batch)
            if log.hasHoles { count(batch, stored, from: next, of: log) }
            bytes.append(contentsOf: readable(stored, batch, of: log))
            next = batch.lastOffset.advanced(by: 1)
        }
        return bytes.count - start
    }

    /// How many bytes can be read from `offset` on, at most about `limit`.
    public func readableByteCount(
        of log: PartitionLog, from offset: Offset, limit: Int
    ) throws(StorageError) -> Int {
        var count = 0
        var batches = store.batches(of: log.id, from: offset)
        while count < limit, let batch = try batches.next(), batch.lastOffset < log.readableEnd {
            count += batch.byteCount
        }
        return count
    }

    /// One batch as Kafka reads it: as it was stored, without records that JetStream has deleted.
    func readBatch(
        _ batch: StoredBatch, of log: PartitionLog
    ) throws(StorageError) -> [UInt8] {
        readable(try store.read(batch), batch, of: log)
    }

    private func readable(_ bytes: [UInt8], _ batch: StoredBatch, of log: PartitionLog) -> [UInt8] {
        guard log.hasHoles, batch.lastOffset >= log.startOffset else { return bytes }
        return withoutRemovedRecords(bytes, of: log)
    }

    /// Takes up in the log's census how many records a batch has that was looked for from `start` on.
    private func count(_ batch: StoredBatch, _ bytes: [UInt8], from start: Offset, of log: PartitionLog) {
        guard let segment = store.segment(of: log.id, with: batch),
            let header = try? RecordBatchHeader(bytes.span.bytes)
        else { return }
        log.census.count(
            batch, from: start, recordCount: Int(header.recordCount), in: segment, of: store.segments(of: log.id))
    }

    /// Up to where a segment with `offset` can be sent as it is, since there is nothing in it that a fetch would leave out;
    /// nil where that is not known.
    func wholeEnd(from offset: Offset, of log: PartitionLog) -> Offset? {
        guard log.hasHoles else { return log.readableEnd }
        guard let segment = store.segment(of: log.id, holding: offset) else { return nil }
        let first = max(segment.baseOffset, log.startOffset)
        guard let live = log.view?.count(from: StreamSequence(first), through: StreamSequence(segment.lastOffset))
        else { return nil }
        // Either no record was ever taken out of it, or no more records are in it than are there.
        let isWhole =
            Int(live) == first.distance(to: segment.lastOffset) + 1 || log.census.recordCount(of: segment) == Int(live)
        return isWhole ? min(log.readableEnd, segment.lastOffset.advanced(by: 1)) : nil
    }

    /// The batch written anew without the records that are gone, at the same offsets; as it is where all are there.
    private func withoutRemovedRecords(_ bytes: [UInt8], of log: PartitionLog) -> [UInt8] {
        // Where recovery could not make the view it has said so.
        guard log.view != nil else { return bytes }
        do {
            let header = try RecordBatchHeader(bytes.span.bytes)
            // Mostly all are there, above all where segments were written anew.
            let isWhole =
                header.baseOffset >= log.startOffset
                && log.view?.count(
                    from: StreamSequence(header.baseOffset), through: StreamSequence(header.lastOffset))
                    == UInt64(header.recordCount)
            if isWhole || header.attributes.contains(.control) { return bytes }
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
        guard let first = try store.firstBatch(of: log.id, withTimestamp: milliseconds) else { return nil }
        var batches = store.batches(of: log.id, from: max(first.baseOffset, log.startOffset))
        while let batch = try batches.next(), batch.lastOffset < log.readableEnd {
            if batch.maxTimestampMilliseconds >= milliseconds {
                var found: TimedOffset?
                let bytes = try readBatch(batch, of: log)
                try reader.forEachRecord(of: bytes.span.bytes) { batch, record in
                    let offset = batch.offset(of: record)
                    let timestamp = batch.timestampMilliseconds(of: record)
                    if found == nil, offset >= log.startOffset, timestamp >= milliseconds {
                        found = TimedOffset(offset: offset, timestampMilliseconds: timestamp)
                    }
                }
                if let found { return found }
            }
        }
        return nil
    }

    /// The readable record with the largest timestamp; the earliest of several.
    public func offsetOfMaxTimestamp(of log: PartitionLog) throws -> TimedOffset? {
        if let largest = store.maxTimestampMilliseconds(of: log.id),
            let found = try firstOffset(of: log, withTimestamp: largest)
        {
            return found
        }
        // The batch with the largest is not readable yet.
        var largest: Int64?
        var batches = store.batches(of: log.id, from: log.startOffset)
        while let batch = try batches.next(), batch.lastOffset < log.readableEnd {
            largest = max(largest ?? .min, batch.maxTimestampMilliseconds)
        }
        return try largest.flatMap { try firstOffset(of: log, withTimestamp: $0) }
    }
}
