import Bytes
import KafkaCoordination
import Model
import Records
import Storage
import Transport

extension Broker {
    /// Appends one batch whose first 16 bytes say nothing yet, sets its place, and applies it.
    ///
    /// - Parameters:
    ///   - bytes: one valid batch.
    ///   - forLiveSubscribers: whether core NATS subscribers are to get its records once they are durable.
    /// - Throws: `storageFull` and nothing has changed.
    @discardableResult
    func appendBatch(
        _ bytes: RawSpan, header: RecordBatchHeader, to log: PartitionLog, appendTime: Timestamp,
        forLiveSubscribers: Bool
    ) throws(StorageError) -> Offset {
        let base = log.endOffset
        let frame = FrameHeader(
            kind: .batch, log: log.id, epoch: PartitionLog.leaderEpoch, baseOffset: base,
            lastOffset: base.advanced(by: Int(header.lastOffsetDelta)), appendTime: appendTime)
        let position = try wal.append(frame, payloadByteCount: bytes.byteCount) { memory in
            memory.copy(bytes)
            RecordBatchPatch.assign(
                baseOffset: base, leaderEpoch: PartitionLog.leaderEpoch, in: &memory)
        }
        apply(
            header, at: base, byteCount: bytes.byteCount, position: position,
            appendTime: appendTime, to: log)
        unreadable.append(
            .init(
                mark: wal.appendedMark, log: log, end: log.endOffset,
                livePlace: forLiveSubscribers ? log.index.entries.count - 1 : nil))
        return base
    }

    /// What a batch changes, live and in recovery. Its records' JetStream view is applied apart.
    func apply(
        _ header: RecordBatchHeader, at base: Offset, byteCount: Int, position: WALPosition,
        appendTime: Timestamp, to log: PartitionLog
    ) {
        log.index.append(
            .init(
                baseOffset: base, position: position, byteCount: UInt32(byteCount),
                lastOffsetDelta: UInt32(header.lastOffsetDelta), appendTime: appendTime,
                maxTimestampMilliseconds: header.maxTimestampMilliseconds))
        log.endOffset = base.advanced(by: Int(header.lastOffsetDelta) + 1)
        if header.hasProducer {
            log.producers.apply(ProducerBatch(header), baseOffset: base, appendTime: appendTime)
        }
    }

    /// Appends a frame that is no batch.
    @discardableResult
    func appendControl(
        _ kind: FrameKind, of log: LogID, _ payload: RawSpan
    ) throws(StorageError) -> WALPosition {
        try wal.append(
            FrameHeader(
                kind: kind, log: log, epoch: PartitionLog.leaderEpoch,
                baseOffset: logs[log]?.endOffset ?? Offset(0), lastOffset: logs[log]?.endOffset ?? Offset(0),
                appendTime: loop.now), payload)
    }
}

extension ProducerBatch {
    init(_ header: RecordBatchHeader) {
        self.init(
            producerID: header.producerID, epoch: header.producerEpoch,
            baseSequence: header.baseSequence, recordCount: header.recordCount)
    }
}
