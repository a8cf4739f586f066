import Model
import Storage

/// Compaction as the broker does it: first it is written down what is not needed any more, then segments are written anew.
extension StoreWorkload {
    /// Some batches of a log are not needed any more.
    func drop(_ store: LogStore) throws {
        let log = LogID(UInt32(1 + random.below(plan.logCount)))
        let indexes = history.visible(log).filter { _ in random.oneIn(4) }
        if careless == .rewritesAhead { return rewrite(store, besides: indexes) }
        try writeDown(indexes, of: log, store)
    }

    private func writeDown(_ indexes: [Int], of log: LogID, _ store: LogStore) throws {
        guard !indexes.isEmpty else { return }
        let header = FrameHeader(
            kind: .control, log: log, baseOffset: Offset(0), lastOffset: Offset(0),
            appendTime: clock.now)
        try append(
            .drop(indexes), header, EntryContent.command(history.entries.count), timestamp: -1,
            to: store)
    }

    /// Rewrites up to three segments of any logs without what is not needed any more.
    ///
    /// - Parameter early: of which that is not written down yet: a careless user's.
    func rewrite(_ store: LogStore, besides early: [Int] = []) {
        let all = history.logs.flatMap { store.segments(of: $0) }
        guard !all.isEmpty else { return }
        var segments: [SegmentDescriptor] = []
        for _ in 0...random.below(3) {
            let one = random.pick(all)
            if !segments.contains(one) { segments.append(one) }
        }
        var fates: [Place: BatchFate] = [:]
        var touched: [Int] = []
        for log in Set(segments.map(\.log)).sorted() {
            for index in history.visible(log) where history.dropped.contains(index) || early.contains(index) {
                let header = history.entries[index].header
                fates[Place(log: log, base: header.baseOffset)] =
                    StoreHistory.isReplaced(index) ? .replace(replacement(of: index)) : .drop
                let isInside = segments.contains {
                    $0.log == log && $0.baseOffset <= header.baseOffset && header.lastOffset <= $0.lastOffset
                }
                if isInside { touched.append(index) }
            }
        }
        // As the store's rules have it, something of a log's last segment is kept.
        for segment in segments where store.segments(of: segment.log).last == segment {
            let last = history.visible(segment.log).last {
                let header = history.entries[$0].header
                return !history.isGone($0) && segment.baseOffset <= header.baseOffset && header.lastOffset <= segment.lastOffset
            }
            guard let last, !StoreHistory.isReplaced(last) else { continue }
            fates[Place(log: segment.log, base: history.entries[last].header.baseOffset)] = nil
            touched.removeAll { $0 == last }
        }
        let (known, indexes) = (fates, touched)
        store.rewrite(segments) { batch, _ in
            known[Place(log: batch.log, base: batch.baseOffset)] ?? .keep
        } whenDone: { [unowned self] result in
            guard case .success(let outcome) = result else { return }
            trace.add(25, outcome.freedByteCount, indexes.count, "rewritten: \(outcome), entries \(indexes)")
            history.noteRewritten(indexes)
            if outcome.freedByteCount > 0 { statistics.rewrites += 1 }
            if !early.isEmpty, let store = self.store {
                try? writeDown(early, of: history.entries[early[0]].header.log, store)
            }
        }
    }

    private struct Place: Hashable, Sendable {
        var log: LogID
        var base: Offset
    }

    /// What a rewrite puts in the place of a batch.
    func replacement(of index: Int) -> [UInt8] {
        let entry = history.entries[index]
        return EntryContent.batch(
            index + 1_000_000, base: entry.header.baseOffset, last: entry.header.lastOffset,
            timestamp: entry.timestamp, byteCount: 61 + (entry.header.payloadByteCount - 61) / 2)
    }

    /// What a batch that is there may read as.
    func contents(of index: Int) -> [[UInt8]] {
        guard history.dropped.contains(index), StoreHistory.isReplaced(index) else { return [bytes(of: index)] }
        if history.rewritten.contains(index) { return [replacement(of: index)] }
        return [bytes(of: index), replacement(of: index)]
    }
}
