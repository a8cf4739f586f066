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
        keepRoomOfOpenBatches(beside: bytes.byteCount)
        let base = log.endOffset
        let frame = FrameHeader(
            kind: .batch, log: log.id, epoch: PartitionLog.leaderEpoch, baseOffset: base,
            lastOffset: base.advanced(by: Int(header.lastOffsetDelta)), appendTime: appendTime)
        log.lastChange = try store.append(
            frame, durability: log.nextFrameDurability, payloadByteCount: bytes.byteCount
        ) { memory in
            memory.copy(bytes)
            RecordBatchPatch.assign(
                baseOffset: base, leaderEpoch: PartitionLog.leaderEpoch, in: &memory)
        }
        let assurance = log.takeAssurance()
        apply(header, at: base, appendTime: appendTime, to: log)
        unreadable.append(
            .init(
                mark: store.wal.appendedMark, log: log, end: log.endOffset,
                liveBase: forLiveSubscribers ? base : nil), until: assurance)
        return base
    }

    /// What a batch changes, live and in recovery. Its records' JetStream view is applied apart.
    func apply(
        _ header: RecordBatchHeader, at base: Offset, appendTime: Timestamp, to log: PartitionLog
    ) {
        log.endOffset = base.advanced(by: Int(header.lastOffsetDelta) + 1)
        if header.hasProducer {
            log.producers.apply(ProducerBatch(header), baseOffset: base, appendTime: appendTime)
        }
    }

    /// Appends a frame that is no batch, kept as surely as its log is.
    ///
    /// - Parameter isSynced: kept as surely as can be, in logs of any class: somebody asked for it.
    @discardableResult
    func appendControl(
        _ kind: FrameKind, of log: LogID, _ payload: RawSpan, isSynced: Bool = false
    ) throws(StorageError) -> WALPosition {
        keepRoomOfOpenBatches(beside: payload.byteCount)
        let durability = isSynced ? .sync : logs[log]?.durability.frame ?? .sync
        let end = logs[log]?.endOffset ?? Offset(0)
        let position = try store.append(
            FrameHeader(
                kind: kind, log: log, epoch: PartitionLog.leaderEpoch, baseOffset: end,
                lastOffset: end, appendTime: loop.now), durability: durability, payload)
        logs[log]?.lastChange = position
        return position
    }
}

extension ProducerBatch {
    init(_ header: RecordBatchHeader) {
        self.init(
            producerID: header.producerID, epoch: header.producerEpoch,
            baseSequence: header.baseSequence, recordCount: header.recordCount)
    }
}
