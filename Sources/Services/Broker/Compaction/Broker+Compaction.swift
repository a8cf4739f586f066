import Catalog
import JetStream
import Logging
import Model
import Records
import Storage
import Synchronization
import Transport

/// Compaction by key of Kafka's topics, as `cleanup.policy` with `compact` asks: one log after the other, one segment at a time.
///
///     dirty segments ──scan──► newest offset of each key ──► for each segment:
///         scan ──► verdict ──► where JetStream has a view: what goes is told to it, in the log ──► rewrite
///
/// A view that somebody wakes while a segment is being rewritten is told likewise, so that it never has a message that
/// the disk has not; the next segment waits until the view is there. Source: Kafka documentation, "Log Compaction"; KIP-58, KIP-354, KIP-534.
extension Broker {
    /// One pass over one log.
    final class CompactionPass {
        let log: PartitionLog
        let settings: CompactionSettings
        let startMilliseconds: Int64
        var mapping: KeyMapping
        /// The first offset of what is still to be looked at.
        var next = Offset(0)
        var tombstonesDue: Int64?
        var freedByteCount = 0
        /// Something of the log could not be read.
        var isDamaged = false
        /// A segment stays as it is. What a tombstone behind it has taken away may be in it, so the tombstone stays too.
        var keepsTombstones = false
        /// How often in a row a segment was not where it had been seen.
        var missCount = 0

        init(_ log: PartitionLog, _ settings: CompactionSettings, startMilliseconds: Int64) {
            self.log = log
            self.settings = settings
            self.startMilliseconds = startMilliseconds
            mapping = KeyMapping(from: log.cleanedTo)
        }
    }

    /// What goes to the background thread with a scan, and comes back.
    private struct Reading<Value: Sendable>: ~Copyable {
        var value: Value
        var reader = StoredBatchReader()

        init(_ value: Value) { self.value = value }
    }

    /// What a view is told in one turn at most, so that others have theirs.
    private static let removalsPerTurn = 4096
    private static let missLimit = 8

    /// Has the active parts of compacted topics rolled up where their settings say that they have been active for long enough, or are
    /// large enough, and compacts what is due then.
    func endActiveParts() {
        let now = retentionTime.milliseconds
        var due: [LogID] = []
        for (settings, log) in compactedLogs {
            guard let part = store.activePart(of: log.id) else { continue }
            if settings.endsActivePart(part, nowMilliseconds: now) { due.append(log.id) }
        }
        if due.isEmpty { return }
        // Where a roll-up is under way the next look comes to it.
        store.rollUpAhead(due) { [weak self] in self?.compactNext() }
    }

    private var compactedLogs: [(settings: CompactionSettings, log: PartitionLog)] {
        catalog.streams.values.flatMap { stream -> [(settings: CompactionSettings, log: PartitionLog)] in
            let settings = TopicSettings(stream.topicConfig)
            guard stream.origin == .kafka, settings.isCompacted else { return [] }
            let compaction = CompactionSettings(settings)
            return stream.logs.compactMap { logs[$0] }.filter { !removal.doubtful.contains($0.id) }.map { (compaction, $0) }
        }
    }

    /// Begins a pass over the log that has waited longest, where one is due and none is under way.
    func compactNext() {
        guard compaction == nil else { return }
        let now = retentionTime.milliseconds
        var candidates: [(log: PartitionLog, settings: CompactionSettings, plan: CompactionSettings.Plan)] = []
        for (settings, log) in compactedLogs {
            let segments = store.segments(of: log.id)
            if let seen = log.damageSeenTo, seen == segments.last?.lastOffset { continue }
            let plan = settings.plan(
                segments, cleanedTo: log.cleanedTo, tombstonesDue: log.tombstonesDue, nowMilliseconds: now)
            if let plan { candidates.append((log, settings, plan)) }
        }
        let first = candidates.min {
            ($0.log.lastCompaction, $0.log.id) < ($1.log.lastCompaction, $1.log.id)
        }
        guard let (log, settings, plan) = first else { return }
        log.lastCompaction = loop.monotonicNanoseconds
        let pass = CompactionPass(log, settings, startMilliseconds: now)
        compaction = pass
        collectKeys(of: plan.dirty, pass)
    }

    private func collectKeys(of dirty: [SegmentDescriptor], _ pass: CompactionPass) {
        let state = Mutex(Reading(pass.mapping))
        let keeper = Keeper(state)
        // What could not be read stays new for the next pass, with all behind it.
        store.scan(dirty, stopsAtDamage: true) { batch, bytes in
            try keeper.state.withLock { state in
                try state.value.add(batch, bytes, with: &state.reader)
            }
        } whenDone: { [weak self] result in
            guard let self else { return }
            guard case .success(let damageCount) = result else { return finish(pass, result.map { _ in }) }
            pass.isDamaged = damageCount > 0
            pass.mapping = keeper.state.withLock { $0.value }
            judgeNext(pass)
        }
    }

    /// The next segment, or the end.
    private func judgeNext(_ pass: CompactionPass) {
        let log = pass.log
        guard !log.isDeleted else { return finish(pass, .success(())) }
        let segment = store.segments(of: log.id).first { $0.lastOffset >= pass.next }
        guard let segment, segment.baseOffset < pass.mapping.end else { return finish(pass, .success(())) }
        let (mapping, now) = (pass.mapping, pass.keepsTombstones ? .min : pass.startMilliseconds)
        let keeper = Keeper(Mutex(Reading(SegmentVerdict(segment))))
        store.scan([segment]) { _, bytes in
            try keeper.state.withLock { state in
                try state.value.add(bytes, mapping, nowMilliseconds: now, with: &state.reader)
            }
            return true
        } whenDone: { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(0): clean(segment, keeper.state.withLock { $0.value }, pass)
            // The verdict knows nothing of what was not read.
            case .success: leave(segment, pass)
            case .failure(.gone): tryAgain(pass)
            case .failure(let error): finish(pass, .failure(error))
            }
        }
    }

    private func clean(_ segment: SegmentDescriptor, _ verdict: SegmentVerdict, _ pass: CompactionPass) {
        if !pass.keepsTombstones, let due = verdict.earliestHorizon { pass.tombstonesDue = min(pass.tombstonesDue ?? due, due) }
        guard verdict.removedCount > 0 || verdict.needsHorizon else { return goOn(behind: segment, pass) }
        // A view that is being made may have read the segment as it is.
        if pass.log.isWaking { return whenAwake(pass.log) { [weak self] in self?.judgeNext(pass) } }
        pass.log.beingCompacted = verdict.removed
        tellView(pass.log, of: verdict.removed[...]) { [weak self] result in
            switch result {
            case .success: self?.rewrite(segment, verdict, pass)
            case .failure: self?.finish(pass, result)
            }
        }
    }

    /// Takes what goes out of the log's view, if it has one, a part in each turn.
    ///
    /// - Parameter next: told whether that could be written down.
    private func tellView(
        _ log: PartitionLog, of removed: ArraySlice<ClosedRange<Int64>>,
        then next: @escaping (Result<Void, StorageError>) -> Void
    ) {
        guard log.view != nil, !log.isDeleted, !removed.isEmpty else { return next(.success(())) }
        var sequences: [UInt64] = []
        var rest = removed
        while let run = rest.first, sequences.count < Self.removalsPerTurn {
            let room = Int64(Self.removalsPerTurn - sequences.count)
            let end = min(run.upperBound, run.lowerBound + room - 1)
            for offset in run.lowerBound...end where log.view?.contains(StreamSequence(Offset(offset))) == true {
                sequences.append(StreamSequence(Offset(offset)).value)
            }
            rest = rest.dropFirst()
            if end < run.upperBound { rest = [end + 1...run.upperBound] + rest }
        }
        do {
            if !sequences.isEmpty { try remove(.removed(sequences), from: log) }
        } catch {
            return next(.failure(error))
        }
        let left = rest
        // What is due at once would still run in this turn.
        loop.schedule(afterNanoseconds: 1) { [weak self] in self?.tellView(log, of: left, then: next) }
    }

    private func rewrite(_ segment: SegmentDescriptor, _ verdict: SegmentVerdict, _ pass: CompactionPass) {
        var cleaning = SegmentCleaning(live: verdict.live, lastOffset: segment.lastOffset)
        if verdict.needsHorizon {
            let (horizon, isNever) = pass.startMilliseconds.addingReportingOverflow(
                pass.settings.deleteRetentionMilliseconds)
            cleaning.deleteHorizonMilliseconds = isNever ? .max : horizon
        }
        let plan = cleaning
        let rewriter = Mutex(RecordBatchRewriter())
        store.rewrite([segment]) { batch, bytes in
            try rewriter.withLock { try plan.fate(of: batch, bytes, with: &$0) }
        } whenDone: { [weak self] result in
            guard let self else { return }
            pass.log.beingCompacted = []
            switch result {
            case .success(let outcome):
                pass.freedByteCount += outcome.freedByteCount
                if !pass.keepsTombstones, let horizon = plan.deleteHorizonMilliseconds {
                    pass.tombstonesDue = min(pass.tombstonesDue ?? horizon, horizon)
                }
                goOn(behind: segment, pass)
            case .failure(.gone): tryAgain(pass)
            case .failure(.damaged): leave(segment, pass)
            case .failure(let error): finish(pass, .failure(error))
            }
        }
    }

    /// Goes on behind a segment that stays as it is, as not all of it could be read.
    private func leave(_ segment: SegmentDescriptor, _ pass: CompactionPass) {
        pass.isDamaged = true
        pass.keepsTombstones = true
        goOn(behind: segment, pass)
    }

    private func goOn(behind segment: SegmentDescriptor, _ pass: CompactionPass) {
        pass.missCount = 0
        pass.next = segment.lastOffset.advanced(by: 1)
        judgeNext(pass)
    }

    /// The segment was merged, deleted or rewritten meanwhile.
    private func tryAgain(_ pass: CompactionPass) {
        pass.missCount += 1
        if pass.missCount < Self.missLimit {
            judgeNext(pass)
        } else {
            finish(pass, .failure(.gone(log: pass.log.id, offset: pass.next)))
        }
    }

    private func finish(_ pass: CompactionPass, _ result: Result<Void, StorageError>) {
        compaction = nil
        let log = pass.log
        log.beingCompacted = []
        removal.freedByteCount += pass.freedByteCount
        switch result {
        case .success:
            guard !log.isDeleted else { return }
            log.cleanedTo = max(log.cleanedTo, pass.mapping.end)
            log.tombstonesDue = pass.tombstonesDue
            log.damageSeenTo = pass.isDamaged ? store.segments(of: log.id).last?.lastOffset : nil
            log.lastChange = store.endPosition
            self.log.info(
                "\(name(of: log)) is compacted up to offset \(log.cleanedTo.value): \(pass.mapping.map.count) keys were new, \(pass.freedByteCount) bytes came back")
            loop.post { [weak self] in self?.compactNext() }
        case .failure(.gone), .failure(.closed): break
        case .failure(let error): self.log.error("compaction of \(name(of: log)): \(error)")
        }
    }
}

/// Holds a lock that a closure of another thread shares.
private final class Keeper<Value: ~Copyable>: Sendable {
    let state: Mutex<Value>

    init(_ state: consuming sending Mutex<Value>) { self.state = state }
}
