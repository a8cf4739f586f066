import Bytes
import Model
import Records
import Storage

/// Finds single messages in stored batches, and keeps the batches that were read last, decompressed.
struct MessageReader: ~Copyable {
    private struct Batch {
        var log: LogID
        var baseOffset: Offset
        var lastOffsetDelta: Int
        var appendTime: Timestamp
        /// The records, uncompressed.
        var payload: [UInt8]
        /// Where each record begins in `payload`.
        var starts: [Int32]
        /// The records' offset deltas; empty where they are 0, 1, 2, …
        var deltas: [Int32]
    }

    private var batches: [Batch] = []
    private var rendering = NATSMessageBuffer()
    private var decompressor = Decompressor()
    private var scratch = GrowingBytes()

    private static let batchCount = 16
    /// What a batch that was validated when it was stored may decompress to.
    private static let byteLimit = 128 << 20

    /// Calls `body` with the message at `offset`.
    ///
    /// - Returns: nil where no record has that offset.
    /// - Throws: where the log cannot be read.
    mutating func withMessage<Result>(
        at offset: Offset, of log: PartitionLog, in store: LogStore,
        _ body: (
            _ subject: RawSpan, _ headers: RawSpan, _ payload: RawSpan, _ time: Timestamp
        ) -> Result
    ) throws -> Result? {
        guard let index = try batch(holding: offset, of: log, store) else { return nil }
        let delta = Int(offset.value - batches[index].baseOffset.value)
        let place: Int
        if batches[index].deltas.isEmpty {
            guard batches[index].starts.indices.contains(delta) else { return nil }
            place = delta
        } else {
            guard let found = batches[index].deltas.firstIndex(of: Int32(delta)) else { return nil }
            place = found
        }
        let time = batches[index].appendTime
        let payload = batches[index].payload
        let start = Int(batches[index].starts[place])
        let end =
            place + 1 < batches[index].starts.count
            ? Int(batches[index].starts[place + 1]) : payload.count
        var cursor = RecordCursor(payload.span.bytes.extracting(start..<end), count: 1)
        guard let record = try cursor.next() else { return nil }
        rendering.render(record, prefix: log.keyPrefix)
        return body(rendering.subject, rendering.headers, record.natsPayload, time)
    }

    /// The place of the batch that holds `offset`, at the front for the next time.
    private mutating func batch(
        holding offset: Offset, of log: PartitionLog, _ store: LogStore
    ) throws -> Int? {
        for index in batches.indices
        where batches[index].log == log.id && batches[index].baseOffset <= offset
            && offset.value - batches[index].baseOffset.value
                <= Int64(batches[index].lastOffsetDelta)
        {
            if index > 0 { batches.swapAt(0, index) }
            return 0
        }
        guard let stored = try store.batch(of: log.id, holding: offset), stored.baseOffset <= offset
        else { return nil }
        let bytes = try store.read(stored)
        let batch = try makeBatch(bytes.span.bytes, stored)
        if batches.count >= Self.batchCount { batches.removeLast() }
        batches.insert(batch, at: 0)
        return 0
    }

    private mutating func makeBatch(
        _ bytes: RawSpan, _ stored: StoredBatch
    ) throws -> Batch {
        let view = try RecordBatchView(bytes)
        guard let compression = view.header.compression else {
            throw MalformedBytes.badLength(view.header.attributes.compressionNumber)
        }
        var batch = Batch(
            log: stored.log, baseOffset: stored.baseOffset,
            lastOffsetDelta: Int(stored.lastOffset.value - stored.baseOffset.value),
            appendTime: stored.appendTime, payload: [], starts: [], deltas: [])
        if view.header.attributes.contains(.control) { return batch }
        if compression == .none {
            batch.payload = Array(copying: view.payload)
        } else {
            scratch.removeAll(keepingAtMost: 1 << 20)
            try decompressor.decompress(
                view.payload, as: compression, into: &scratch, limit: Self.byteLimit)
            batch.payload = Array(copying: scratch.span)
        }
        let count = Int(view.header.recordCount)
        let isDense = count == batch.lastOffsetDelta + 1
        batch.starts.reserveCapacity(count)
        let payload = batch.payload
        var reader = ByteReader(payload.span.bytes)
        for _ in 0..<count {
            let start = reader.position
            batch.starts.append(Int32(start))
            try reader.skip(Int(clamping: try reader.varint()))
            if !isDense {
                let range = start..<reader.position
                var cursor = RecordCursor(payload.span.bytes.extracting(range), count: 1)
                if let record = try cursor.next() { batch.deltas.append(record.offsetDelta) }
            }
        }
        return batch
    }
}
