import Bytes
import Model
import Records
import Storage
import Transport

extension Broker {
    /// Sees to it that a record of about `byteCount` bytes can be taken, by this log's open batch.
    ///
    /// What open batches hold always has its room in the write-ahead log, so that sealing them cannot fail: the disk
    /// being full is found out here, before anything is taken.
    ///
    /// - Throws: `storageFull` and nothing has changed.
    func openBatch(of log: PartitionLog, forRecordOf byteCount: Int) throws(StorageError) {
        if let batchByteCount = log.openBatch.byteCount {
            let total = openBatchByteCount + byteCount
            if total <= store.wal.reservedByteCount, batchByteCount + byteCount <= OpenBatch.byteLimit {
                openBatchByteCount = total
                return
            }
            sealOpenBatches()
        }
        let need = byteCount + OpenBatch.overheadByteCount
        if openBatchByteCount + need > store.wal.reservedByteCount {
            sealOpenBatches()
            try store.wal.reserveRoom(for: need)
        }
        log.openBatch.open(at: log.endOffset)
        logsWithOpenBatch.append(log)
        openBatchByteCount += need
    }

    /// Appends all open batches to the write-ahead log.
    func sealOpenBatches() {
        guard !logsWithOpenBatch.isEmpty else { return }
        var sealed: [PartitionLog] = []
        swap(&sealed, &logsWithOpenBatch)
        // Their room is being used now and need not be kept from the frames that use it.
        openBatchByteCount = 0
        for log in sealed { seal(log) }
        sealed.removeAll(keepingCapacity: true)
        swap(&sealed, &logsWithOpenBatch)
    }

    /// Sees to it that a frame with a payload of `byteCount` bytes does not take the room of open batches: where there
    /// is not enough for both, they go first.
    func keepRoomOfOpenBatches(beside byteCount: Int) {
        guard openBatchByteCount > 0 else { return }
        if byteCount + OpenBatch.overheadByteCount + openBatchByteCount > store.wal.reservedByteCount {
            sealOpenBatches()
        }
    }

    /// Appends the open batch of `log`, if it has one, so that what comes next comes behind it.
    func sealOpenBatch(of log: PartitionLog) {
        // All of them: which comes first in the write-ahead log does not matter, and the room is counted for all.
        if log.openBatch.isOpen { sealOpenBatches() }
    }

    private func seal(_ log: PartitionLog) {
        guard let base = log.openBatch.baseOffset else { return }
        log.openBatch.close()
        if log.isDeleted { return }
        log.openBatch.builder.seal()
        let end = log.endOffset
        log.endOffset = base
        do {
            let header = try RecordBatchHeader(log.openBatch.builder.bytes)
            try appendBatch(
                log.openBatch.builder.bytes, header: header, to: log, appendTime: loop.now,
                forLiveSubscribers: false)
        } catch {
            preconditionFailure("room for the open batch of log \(log.id.value) was reserved: \(error)")
        }
        precondition(log.endOffset == end, "the open batch ends at \(log.endOffset), not at \(end)")
    }
}
