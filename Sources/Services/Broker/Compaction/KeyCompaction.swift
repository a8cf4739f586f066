import Bytes
public import Catalog
import Model
import Records
public import Storage

/// When and how a topic is compacted: its settings of those names. Records can be compacted when they are in segments. Source: Kafka documentation, "Topic Configs".
public struct CompactionSettings: Sendable {
    /// `min.compaction.lag.ms`: records that are younger stay.
    var minLagMilliseconds: Int64
    /// `max.compaction.lag.ms`: records that are older are not left without a pass.
    var maxLagMilliseconds: Int64
    /// `min.cleanable.dirty.ratio`: what share of the log has to be new since the last pass.
    var minDirtyRatio: Double
    /// `segment.ms`, or `max.compaction.lag.ms` where that is less: what was not rolled up for so long is. KIP-354.
    var activeMilliseconds: Int64
    /// `segment.bytes`: so much is rolled up at once.
    var activeByteCount: Int64
    /// `delete.retention.ms`: how long a tombstone stays from the first pass on that saw it.
    var deleteRetentionMilliseconds: Int64

    public init(_ settings: TopicSettings) {
        minLagMilliseconds = settings.integer("min.compaction.lag.ms") ?? 0
        maxLagMilliseconds = settings.integer("max.compaction.lag.ms") ?? .max
        minDirtyRatio = settings.value("min.cleanable.dirty.ratio").flatMap { Double($0) } ?? 0.5
        activeMilliseconds = min(settings.integer("segment.ms") ?? .max, maxLagMilliseconds)
        activeByteCount = settings.integer("segment.bytes") ?? .max
        deleteRetentionMilliseconds = settings.integer("delete.retention.ms") ?? 86_400_000
    }

    /// Whether what only the write-ahead log has of a log is to be made segments of, ahead of other logs, so that it can be compacted.
    public func endsActivePart(_ part: LogStore.ActivePart, nowMilliseconds now: Int64) -> Bool {
        let (age, overflow) = now.subtractingReportingOverflow(part.firstAppendTime.milliseconds)
        return part.byteCount >= activeByteCount || !overflow && age >= activeMilliseconds
    }

    /// What of a log is to be compacted now.
    struct Plan: Equatable, Sendable {
        /// Segments with records that no pass has seen; none where only tombstones are due.
        var dirty: [SegmentDescriptor]
    }

    /// - Parameters:
    ///   - segments: all of a log, in order.
    ///   - cleanedTo: up to where the last pass has seen it.
    ///   - tombstonesDue: when the first tombstone that was kept may go, milliseconds.
    /// - Returns: nil where there is nothing to do.
    func plan(
        _ segments: [SegmentDescriptor], cleanedTo: Offset, tombstonesDue: Int64?, nowMilliseconds now: Int64
    ) -> Plan? {
        // The active part is not among the segments.
        let old = segments.prefix { minLagMilliseconds <= 0 || $0.maxTimestampMilliseconds <= now - minLagMilliseconds }
        let dirty = old.filter { $0.lastOffset >= cleanedTo }
        let dirtyByteCount = dirty.reduce(0) { $0 + $1.byteCount }
        let cleanByteCount = old.reduce(0) { $0 + $1.byteCount } - dirtyByteCount
        if let first = dirty.first {
            let ratio = Double(dirtyByteCount) / Double(max(1, dirtyByteCount + cleanByteCount))
            let (age, _) = now.subtractingReportingOverflow(first.firstAppendTime.milliseconds)
            if ratio >= minDirtyRatio || age > maxLagMilliseconds { return Plan(dirty: Array(dirty)) }
        }
        if let tombstonesDue, tombstonesDue <= now { return Plan(dirty: []) }
        return nil
    }
}

/// The newest offset of each key of what was new, made on the background thread.
struct KeyMapping: Sendable {
    private(set) var map: KeyOffsetMap
    /// The first offset that is not in it: records from here on stay.
    private(set) var end: Offset

    init(from start: Offset, slotLimit: Int = KeyOffsetMap.slotLimit) {
        map = KeyOffsetMap(slotLimit: slotLimit)
        end = start
    }

    /// Takes a batch behind those before.
    ///
    /// - Returns: false when there is no room for more.
    /// - Throws: where the bytes are no valid batch.
    mutating func add(
        _ batch: StoredBatch, _ bytes: RawSpan, with reader: inout StoredBatchReader
    ) throws -> Bool {
        guard batch.lastOffset >= end else { return true }
        let endBefore = end
        var isFull = false
        // What belongs to a transaction is decided by its marker; without one it is left as it is.
        if try !RecordBatchHeader(bytes).attributes.contains(.transactional) {
            do {
                try reader.forEachRecord(of: bytes) { batch, record in
                    let offset = batch.offset(of: record)
                    guard !isFull, offset >= end, let key = record.key else { return }
                    if map.put(key, offset) { end = offset.advanced(by: 1) } else { isFull = true }
                }
            } catch {
                // What was put of it is at the end or behind it, and does not count.
                end = endBefore
                throw error
            }
        }
        if !isFull { end = batch.lastOffset.advanced(by: 1) }
        return !isFull
    }

    /// Where the newest record with `key` is, of those before the end.
    func newest(of key: RawSpan) -> Offset? {
        guard let offset = map.offset(of: key), offset < end else { return nil }
        return offset
    }
}

/// What Kafka's rules leave of one segment, found out on the background thread.
///
/// The newest record of each key stays; a tombstone stays until its batch says that it may go. Records without a key go, as
/// they do with Kafka: a compacted topic does not take any. Control batches and what belongs to transactions stay.
struct SegmentVerdict: Sendable {
    private(set) var live: LiveOffsets
    /// Records that go, as runs of offsets.
    private(set) var removed: [ClosedRange<Int64>] = []
    private(set) var removedCount = 0
    /// Batches keep tombstones, and do not say yet until when.
    private(set) var needsHorizon = false
    /// The earliest time at which one of the tombstones that are kept may go.
    private(set) var earliestHorizon: Int64?

    init(_ segment: SegmentDescriptor) {
        live = LiveOffsets(segment.baseOffset...segment.lastOffset)
    }

    /// - Throws: where the bytes are no valid batch.
    mutating func add(
        _ bytes: RawSpan, _ mapping: borrowing KeyMapping, nowMilliseconds now: Int64,
        with reader: inout StoredBatchReader
    ) throws {
        let header = try RecordBatchHeader(bytes)
        let isTransactional = header.attributes.contains(.transactional)
        let horizon = header.attributes.contains(.deleteHorizon) ? header.baseTimestampMilliseconds : nil
        var keepsTombstone = false
        try reader.forEachRecord(of: bytes) { batch, record in
            let offset = batch.offset(of: record)
            let isTombstone = record.value == nil
            let stays: Bool
            if isTransactional || offset >= mapping.end {
                stays = true
            } else if let key = record.key {
                let newest = mapping.newest(of: key) ?? offset
                stays = offset >= newest && !(isTombstone && horizon.map { $0 <= now } ?? false)
            } else {
                stays = false
            }
            if stays {
                live.append(offset)
                if isTombstone { keepsTombstone = true }
            } else {
                removedCount += 1
                if let last = removed.last, last.upperBound + 1 == offset.value {
                    removed[removed.count - 1] = last.lowerBound...offset.value
                } else {
                    removed.append(offset.value...offset.value)
                }
            }
        }
        guard keepsTombstone else { return }
        if let horizon {
            earliestHorizon = min(earliestHorizon ?? horizon, horizon)
        } else {
            needsHorizon = true
        }
    }
}
