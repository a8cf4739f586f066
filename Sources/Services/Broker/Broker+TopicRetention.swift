import Catalog
import Logging
import Model
import Storage
import Transport

/// Retention of Kafka topics by time and by size: whole batches from the front, as `cleanup.policy` with `delete` asks.
///
/// By time, a batch goes when its youngest record is older than `retention.ms`; by size, batches go in steps of
/// `segment.bytes` as long as at least `retention.bytes` are left. The newest batch stays in the latter case. Source:
/// Kafka documentation, "Topic Configs".
extension Broker {
    /// What is too old is told by this clock.
    var retentionTime: Timestamp {
        retentionClock.time(wall: loop.now, monotonic: loop.monotonicNanoseconds)
    }

    /// Looks at all topics in a while, and again and again. As with Kafka, the first time comes soon.
    func scheduleRetention(afterMilliseconds pause: Int) {
        _ = retentionTime
        loop.schedule(afterNanoseconds: Int64(pause) * 1_000_000) { [unowned self] in
            for stream in catalog.streams.values where stream.origin == .kafka {
                applyRetention(to: stream)
            }
            scheduleRetention(afterMilliseconds: options.retentionCheckMilliseconds)
        }
    }

    /// Moves the starts of a topic's logs past what its settings do not keep.
    func applyRetention(to stream: StreamEntry) {
        let settings = TopicSettings(stream.topicConfig)
        guard settings.deletesOld else { return }
        for log in stream.logs.compactMap({ logs[$0] }) where log.readableEnd > log.startOffset {
            do {
                var start = log.startOffset
                if let milliseconds = settings.integer("retention.ms"), milliseconds >= 0 {
                    start = max(start, try firstYoung(of: log, milliseconds: milliseconds))
                }
                if let byteCount = settings.integer("retention.bytes"), byteCount >= 0 {
                    let step = max(1, settings.integer("segment.bytes") ?? 1)
                    start = max(start, try firstWithin(byteCount, step: step, of: log))
                }
                guard start > log.startOffset else { continue }
                self.log.info(
                    "\(stream.name)-\(log.partition): records \(log.startOffset.value) to \(start.value - 1) go by retention")
                try deleteRecords(before: start, from: log)
            } catch {
                self.log.error("retention of \(stream.name)-\(log.partition): \(error)")
            }
        }
    }

    /// The offset behind the last batch, counted from the front, that has no record young enough.
    private func firstYoung(
        of log: PartitionLog, milliseconds: Int64
    ) throws(StorageError) -> Offset {
        let (cutoff, overflow) = retentionTime.milliseconds.subtractingReportingOverflow(milliseconds)
        guard !overflow else { return log.startOffset }
        guard let young = try store.firstBatch(of: log.id, withTimestamp: cutoff) else {
            return log.readableEnd
        }
        return min(young.baseOffset, log.readableEnd)
    }

    /// Where the log has to begin to have at most `byteCount` and less than a step more.
    private func firstWithin(
        _ byteCount: Int64, step: Int64, of log: PartitionLog
    ) throws(StorageError) -> Offset {
        let excess = store.byteCount(of: log.id) - byteCount
        guard excess >= step else { return log.startOffset }
        var left = excess - excess % step
        var start = log.startOffset
        var batches = store.batches(of: log.id, from: start)
        while let batch = try batches.next(), batch.lastOffset.advanced(by: 1) < log.readableEnd,
            Int64(batch.byteCount) <= left
        {
            left -= Int64(batch.byteCount)
            start = batch.lastOffset.advanced(by: 1)
        }
        return start
    }
}
