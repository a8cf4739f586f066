import Bytes
import Catalog
import JetStream
import KafkaCoordination
import Model
import Records
import Storage

/// What a start found on the disk.
public struct RecoverySummary: Sendable {
    public var streamCount = 0
    public var recordCount: Int64 = 0
    public var byteCount: Int64 = 0
    /// Frames of the write-ahead log that no snapshot held.
    public var replayedFrameCount = 0
    public var durationNanoseconds: Int64 = 0
    /// One line for each thing that was cut, damaged or not understood.
    public var findings: [String] = []
}

extension Broker {
    /// Reads the snapshots and replays what the write-ahead log has beyond them. Before the loops start.
    ///
    /// - Throws: `StorageError` where the disk cannot be read, and where no snapshot can that was needed, for then nothing
    ///   is known of what the log holds. Other damage does not throw: it is among the findings, and all that can be read
    ///   is there.
    public func recover() throws -> RecoverySummary {
        var findings: [String] = []
        replayPosition = .first
        let restored = try restoreSnapshots(&findings)
        if restored == nil { try store.requireBeginning() }
        var lost: [LogID: [LostFrame]] = [:]
        var replayedFrameCount = 0
        var greatestLog = LogID(0)
        // Where logs ended by what was written behind their batches.
        var knownEnds: [LogID: Offset] = [:]
        let report = try store.replay(from: restored?.oldest, held: restored?.core) { header, payload, position in
            replayPosition = position
            replayedFrameCount += 1
            greatestLog = max(greatestLog, header.log)
            if header.kind == .control || header.kind == .consumer {
                knownEnds[header.log] = max(knownEnds[header.log] ?? Offset(0), header.baseOffset)
            }
            do {
                try replay(header, payload, position, corePosition: restored?.core ?? .first, &lost)
            } catch {
                removal.doubtful.insert(header.log)
                findings.append(
                    "\(header.kind) frame of log \(header.log.value) at offset "
                        + "\(header.baseOffset.value) is not understood: \(error)")
            }
        }
        // Where the frame is lost that made a stream, its batches must not become those of another.
        greatestLog = max(greatestLog, store.storedLogs.last ?? greatestLog)
        catalog.skipIDs(below: catalog.nextIDs.stream, LogID(greatestLog.value + 1))
        emptyMemoryLogs()
        for log in logs.values where log.needsRebuilding {
            do { try rebuild(log, lost[log.id] ?? []) } catch {
                removal.doubtful.insert(log.id)
                findings.append("log \(log.id.value) cannot be read again: \(error)")
            }
        }
        passOver(report.damage, knownEnds)
        replayPosition = nil
        compactAnewWhereManifestIsRemade()
        try append(coordination: groups.recordsAfterReplay(now: groupTime))
        // All that was replayed is on the disk.
        for log in logs.values { log.readableEnd = log.endOffset }
        snapshotRounds.lastMark = store.wal.appendedMark
        if let held = snapshotRounds.heldPosition, findings.isEmpty { store.snapshotsCover(upTo: held) }
        for log in logs.values where log.startOffset > Offset(0) {
            store.deleteBelow(log.startOffset, of: log.id)
        }
        // Only where nothing is in doubt: batches of streams that were deleted need no space.
        if report.damage.isEmpty, findings.isEmpty {
            for id in store.storedLogs where logs[id] == nil { store.deleteLog(id) }
        }
        if let cut = report.cut, cut.byteCount > 0 {
            findings.append(
                "\(cut.byteCount) bytes at the end of \(cut.path) were cut: no sync had covered them")
        }
        findings += report.damage.map { text(of: $0) }
        return RecoverySummary(
            streamCount: catalog.streams.count,
            recordCount: logs.values.reduce(0) { $0 + $1.endOffset.value - $1.startOffset.value },
            byteCount: Int64(report.byteCount), replayedFrameCount: replayedFrameCount,
            durationNanoseconds: report.durationNanoseconds,
            findings: findings)
    }

    /// Old versions of keys may be back in the segments of which a snapshot says that compaction has seen them.
    private func compactAnewWhereManifestIsRemade() {
        guard let remade = store.manifestRemadeAt else { return }
        for log in logs.values where log.restoredPosition <= remade {
            if log.cleanedTo == Offset(0), log.tombstonesDue == nil { continue }
            log.cleanedTo = Offset(0)
            log.tombstonesDue = nil
            // Its snapshot is to be written again, however large it is.
            log.lastChange = store.endPosition
        }
    }

    /// - Parameter corePosition: up to where the snapshot of the catalog and of the groups holds.
    private func replay(
        _ header: FrameHeader, _ payload: RawSpan, _ position: WALPosition,
        corePosition: WALPosition, _ lost: inout [LogID: [LostFrame]]
    ) throws {
        switch header.kind {
        case .catalog:
            let record = try CatalogRecord(decoding: payload)
            if position >= corePosition {
                if case .consumerCreated(let log, _, _, _) = record, let log = logs[log], log.durability != .memory {
                    try wakeInRecovery(log)
                }
                apply(record)
            } else if let log = record.consumersLog.flatMap({ logs[$0] }), position >= log.restoredPosition,
                log.view != nil
            {
                // The catalog knows already, the log is of an older snapshot.
                applyToConsumers(record, of: log)
            }
        case .group:
            guard position >= corePosition else { return }
            for record in try CoordinationRecord.decodeAll(payload) { apply(record) }
        case .batch, .control, .consumer:
            // A deleted stream's frames are still in the write-ahead log.
            guard let log = logs[header.log], position >= log.restoredPosition else { return }
            log.lastChange = position
            if log.durability == .memory {
                // What was in memory is gone; its sequences are not used again.
                if header.kind == .batch { log.endOffset = header.lastOffset.advanced(by: 1) }
                return
            }
            if log.needsRebuilding, header.kind != .batch {
                lost[log.id, default: []].append(
                    LostFrame(kind: header.kind, payload: Array(copying: payload)))
                return
            }
            try replay(header, payload, to: log)
        }
    }

    private func replay(_ header: FrameHeader, _ payload: RawSpan, to log: PartitionLog) throws {
        switch header.kind {
        case .batch:
            let batch = try RecordBatchHeader(payload)
            apply(batch, at: header.baseOffset, appendTime: header.appendTime, to: log)
            if !log.needsRebuilding {
                try applyToView(of: log, payload, appendTime: header.appendTime)
            }
        case .control: try replayControl(payload, of: log)
        case .consumer: if log.view != nil { try applyConsumerFrame(payload, of: log) }
        case .catalog, .group: break
        }
    }

    /// The offsets of damaged batches were given out once: where one was its log's last, they are not used again.
    ///
    /// - Parameter knownEnds: where logs ended as other frames say. Only needed where it cannot be read what was damaged.
    private func passOver(_ damage: [ReplayReport.Damage], _ knownEnds: [LogID: Offset]) {
        for case let frame? in damage.map(\.frame) where frame.kind == .batch && frame.lastOffset < Offset(.max) {
            moveEnd(of: frame.log, to: frame.lastOffset.advanced(by: 1))
        }
        guard damage.contains(where: { $0.frame == nil }) else { return }
        for (log, end) in knownEnds { moveEnd(of: log, to: end) }
    }

    /// Uses up the offsets before `end`, where the log ends before it.
    private func moveEnd(of id: LogID, to end: Offset) {
        guard let log = logs[id], end > log.endOffset else { return }
        log.endOffset = end
        guard log.view != nil else { return }
        log.view?.skip(to: StreamSequence(end))
        log.hasHoles = true
    }

    /// A frame of a log without a usable snapshot, kept until its batches have been read.
    private struct LostFrame {
        var kind: FrameKind
        var payload: [UInt8]
    }

    /// Makes a log of its stored batches alone, and of what the write-ahead log still has of its other frames.
    private func rebuild(_ log: PartitionLog, _ frames: [LostFrame]) throws {
        guard let place = catalog.place(of: log.id), let stream = catalog[place.stream] else { return }
        log.needsRebuilding = false
        var batches = store.batches(of: log.id, from: Offset(0))
        guard let first = try batches.next() else { return }
        log.startOffset = first.baseOffset
        var last = first
        while let next = try batches.next() { last = next }
        log.endOffset = max(log.endOffset, last.lastOffset.advanced(by: 1))
        if stream.origin == .jetStream || catalog.consumerCount(on: log.id) > 0 {
            try readView(of: log)
            for consumer in catalog.consumers(on: log.id) {
                applyToConsumers(
                    .consumerCreated(
                        log.id, name: consumer.name, created: consumer.created, config: consumer.config),
                    of: log)
            }
        }
        for frame in frames {
            switch frame.kind {
            case .control: try replayControl(frame.payload.span.bytes, of: log)
            case .consumer: try applyConsumerFrame(frame.payload.span.bytes, of: log)
            case .batch, .catalog, .group: break
            }
        }
    }
}

extension CatalogRecord {
    /// The log whose consumers it changes; nil where it is about something else.
    fileprivate var consumersLog: LogID? {
        switch self {
        case .consumerCreated(let log, _, _, _), .consumerUpdated(let log, _, _),
            .consumerDeleted(let log, _):
            log
        default: nil
        }
    }
}
