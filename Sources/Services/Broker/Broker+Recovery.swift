import Bytes
import Catalog
import KafkaCoordination
import Model
import Records
import Storage

/// What a start found on the disk.
public struct RecoverySummary: Sendable {
    public var streamCount = 0
    public var recordCount: Int64 = 0
    public var byteCount: Int64 = 0
    public var durationNanoseconds: Int64 = 0
    /// One line for each thing that was cut, damaged or not understood.
    public var findings: [String] = []
}

extension Broker {
    /// Replays the write-ahead log. Before the loops start.
    ///
    /// - Throws: `StorageError` where the disk cannot be read. Damage does not throw: it is among the findings, and
    ///   all that can be read is there.
    public func recover() throws -> RecoverySummary {
        var findings: [String] = []
        let report = try wal.replay { header, payload, position in
            do {
                try replay(header, payload, position)
            } catch {
                findings.append(
                    "\(header.kind) frame of log \(header.log.value) at offset "
                        + "\(header.baseOffset.value) is not understood: \(error)")
            }
        }
        try append(coordination: groups.recordsAfterReplay(now: groupTime))
        // All that was replayed is on the disk.
        for log in logs.values { log.readableEnd = log.endOffset }
        for log in logs.values where catalog.consumerCount(on: log.id) > 0 {
            do { try wakeView(of: log) } catch {
                findings.append("log \(log.id.value) cannot be read for its consumers: \(error)")
            }
        }
        if let cut = report.cut, cut.byteCount > 0 {
            findings.append(
                "\(cut.byteCount) bytes at the end of \(cut.path) were cut: they were never acknowledged")
        }
        findings += report.damage.map { "damaged: \($0)" }
        return RecoverySummary(
            streamCount: catalog.streams.count,
            recordCount: logs.values.reduce(0) { $0 + $1.endOffset.value - $1.startOffset.value },
            byteCount: Int64(report.byteCount), durationNanoseconds: report.durationNanoseconds,
            findings: findings)
    }

    private func replay(
        _ header: FrameHeader, _ payload: RawSpan, _ position: WALPosition
    ) throws {
        switch header.kind {
        case .catalog:
            apply(try CatalogRecord(decoding: payload), position, byteCount: payload.byteCount)
        case .group:
            for record in try CoordinationRecord.decodeAll(payload) { apply(record) }
        case .batch:
            // A deleted stream's batches are still in the write-ahead log.
            guard let log = logs[header.log] else { return }
            let batch = try RecordBatchHeader(payload)
            apply(
                batch, at: header.baseOffset, byteCount: payload.byteCount, position: position,
                appendTime: header.appendTime, to: log)
            try applyToView(of: log, payload, appendTime: header.appendTime)
        case .control:
            guard let log = logs[header.log] else { return }
            try replayControl(payload, position, of: log)
        case .consumer:
            guard let log = logs[header.log] else { return }
            try replayConsumerFrame(payload, position, of: log)
        }
    }
}
