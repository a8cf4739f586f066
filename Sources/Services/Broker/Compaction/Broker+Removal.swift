import Bytes
import JetStream
import Logging
import Model
import Records
import Storage
import Synchronization
import Transport

/// Physical removal: segments with many records that JetStream has removed one by one are written anew without them, so
/// that their space comes back. What lies before the start of a log goes by whole segments, see ``giveBackSpace()``.
///
/// Whether a record is still there is what the stream's ledger says. What it says is on the disk before a segment without
/// the others takes the place of the old one.
extension Broker {
    /// What is known between one look at the segments and the next.
    struct RemovalState {
        var looks: [SegmentDescriptor: SegmentLook] = [:]
        /// Segments that are written anew, and those that are to be tried by themselves.
        var isUnderWay = false
        var alone: Set<SegmentDescriptor> = []
        /// Logs of which recovery has not understood all: nothing of theirs is taken away for good.
        var doubtful: Set<LogID> = []
        /// How many bytes came back since the start.
        var freedByteCount = 0
    }

    /// So much is written anew at once at most, but for a segment that is larger, and so many of them.
    private static let jobByteCount = 64 << 20
    private static let jobSegmentCount = 1024

    /// Looks at all segments in a while, and again and again.
    func scheduleCompaction() {
        loop.schedule(afterNanoseconds: Int64(max(1, options.compactionPauseMilliseconds)) * 1_000_000) {
            [unowned self] in
            removeForGood(isFirstLook: true)
            endActiveParts()
            compactNext()
            scheduleCompaction()
        }
    }

    /// Begins to write segments anew, where there are some that are worth it.
    ///
    /// - Parameter isFirstLook: whether time has passed since the last one, so that what has not changed is quiet.
    func removeForGood(isFirstLook: Bool = false) {
        guard !removal.isUnderWay else { return }
        // What open batches push out is gone in the ledger already; now the write-ahead log says so as well.
        sealOpenBatches()
        let worthwhile = lookAtSegments(isFirstLook: isFirstLook)
        guard let first = worthwhile.first else { return }
        var segments: [SegmentDescriptor] = []
        var byteCount = 0
        if removal.alone.contains(first) {
            segments = [first]
        } else {
            for segment in worthwhile where !removal.alone.contains(segment) {
                if !segments.isEmpty, byteCount + segment.byteCount > Self.jobByteCount { break }
                segments.append(segment)
                byteCount += segment.byteCount
                if segments.count == Self.jobSegmentCount { break }
            }
        }
        rewrite(segments)
    }

    /// - Returns: the segments to be rewritten, those with most to gain first.
    private func lookAtSegments(isFirstLook: Bool) -> [SegmentDescriptor] {
        var looks: [SegmentDescriptor: SegmentLook] = [:]
        for log in logs.values where log.view != nil && !log.isDeleted && !removal.doubtful.contains(log.id) {
            for segment in store.segments(of: log.id) {
                guard let look = look(at: segment, of: log, isFirstLook: isFirstLook) else { continue }
                looks[segment] = look
            }
        }
        removal.looks = looks
        removal.alone = removal.alone.filter { looks[$0] != nil }
        return looks.filter { $0.value.isWorthwhile }
            .sorted {
                ($1.value.deadShare, $0.key.log, $0.key.baseOffset) < ($0.value.deadShare, $1.key.log, $1.key.baseOffset)
            }
            .map(\.key)
    }

    /// Nil where nothing was removed.
    private func look(
        at segment: SegmentDescriptor, of log: PartitionLog, isFirstLook: Bool
    ) -> SegmentLook? {
        let first = StreamSequence(segment.baseOffset)
        let last = StreamSequence(segment.lastOffset)
        let placeCount = segment.baseOffset.distance(to: segment.lastOffset) + 1
        // In place: a copy of the view would have to be made before each change.
        guard let count = log.view?.count(from: first, through: last), Int(count) < placeCount else { return nil }
        let known = removal.looks[segment]
        if var known, known.liveCount == Int(count) {
            if isFirstLook { known.seenAgain() }
            return known
        }
        var byteCount = 0
        let prefixByteCount = log.keyPrefix.text.utf8.count
        log.view?.forEachStored(from: first, through: last) { _, size in
            byteCount += max(0, size.messageByteCount - prefixByteCount) + SegmentLook.recordOverhead
        }
        return SegmentLook(segment, liveCount: Int(count), byteCount: byteCount, start: log.startOffset, earlier: known)
    }

    private func rewrite(_ segments: [SegmentDescriptor]) {
        var cleanings: [LogID: [SegmentCleaning]] = [:]
        for segment in segments {
            let range = segment.baseOffset...segment.lastOffset
            guard let live = logs[segment.log]?.view.map({ LiveOffsets(range, of: $0) }) else { continue }
            cleanings[segment.log, default: []].append(
                SegmentCleaning(live: live, lastOffset: segment.lastOffset))
        }
        let plan = cleanings
        let rewriter = Mutex(RecordBatchRewriter())
        removal.isUnderWay = true
        store.rewrite(segments) { batch, bytes in
            guard
                let cleaning = plan[batch.log]?.first(where: { $0.live.range.contains(batch.baseOffset) })
            else { return .keep }
            return try rewriter.withLock { try cleaning.fate(of: batch, bytes, with: &$0) }
        } whenDone: { [weak self] result in
            self?.finishRewrite(of: segments, result)
        }
    }

    private func finishRewrite(
        of segments: [SegmentDescriptor], _ result: Result<RewriteOutcome, StorageError>
    ) {
        removal.isUnderWay = false
        switch result {
        case .success(let outcome):
            removal.freedByteCount += outcome.freedByteCount
            settle(segments, as: outcome.segments)
            log.info(
                "\(segments.count) segments were written without removed records: \(outcome.freedByteCount) bytes came back")
            loop.post { [weak self] in self?.removeForGood() }
        case .failure(.damaged):
            if segments.count == 1 { settle(segments, as: segments) } else { removal.alone.formUnion(segments) }
        case .failure(.gone), .failure(.closed):
            // Deleted, merged, or the server stops: the next look knows more.
            break
        case .failure(let error):
            log.error("removed records stay on the disk for now: \(error)")
        }
    }

    /// - Parameter new: what took the places of `old`, or the same.
    private func settle(_ old: [SegmentDescriptor], as new: [SegmentDescriptor]) {
        for segment in old {
            guard let look = removal.looks.removeValue(forKey: segment),
                let successor = new.first(where: { $0.log == segment.log && $0.baseOffset == segment.baseOffset })
            else { continue }
            removal.looks[successor] = look.settled(as: successor)
        }
    }
}
