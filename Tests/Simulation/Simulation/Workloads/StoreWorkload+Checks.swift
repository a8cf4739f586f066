import Bytes
import Model
import Platform
import Storage

extension StoreWorkload {
    /// Frames from the newest snapshot on, or all that there are, end with the last entry that is left:
    /// all before it must be among them.
    ///
    /// - Parameter mayBeCut: a start before this one failed, when it may have cut the log already.
    func checkReplay(
        from count: Int?,
        _ seen: [(header: FrameHeader, payload: [UInt8], position: WALPosition)],
        _ report: ReplayReport, _ store: LogStore, mayBeCut: Bool
    ) throws {
        var next = count ?? 0
        if count == nil, let first = seen.first {
            // Without a snapshot everything must still be there.
            try demand(
                first.position == history.entries.first?.position,
                "the log begins at \(first.position), and no snapshot holds what was before")
        }
        for frame in seen {
            try demand(
                next < history.entries.count, "\(frame.header) came back from the dead")
            let entry = history.entries[next]
            try demand(
                frame.header == entry.header && frame.position == entry.position
                    && frame.payload == bytes(of: next),
                "entry \(next) is \(entry.header) at \(entry.position), and reads as "
                    + "\(frame.header) at \(frame.position)")
            next += 1
        }
        try demand(
            next >= history.promisedCount,
            "only \(next) of \(history.promisedCount) promised entries came back; "
                + "cut: \(report.cut as Any)")
        try demand(
            mayBeCut || next >= history.writtenCount,
            "only \(next) of \(history.writtenCount) entries that were written came back, and the power was not lost")
        try demand(
            report.damage.isEmpty || lossesLeft > 0 || !lost.isEmpty || plan.damagesAtRest,
            "damage where nothing was damaged: \(report.damage)")
        statistics.lostAsAgreed += max(0, history.agreedCount - next)
        history.restart(with: next)
    }

    /// Every batch of every log, found in order, and nothing else.
    func checkAll(_ store: LogStore) throws {
        for log in history.logs {
            var walk = store.batches(of: log, from: Offset(0))
            for index in history.visible(log) {
                if lost.contains(index) { continue }
                let entry = history.entries[index]
                guard let found = try store.batch(of: log, holding: entry.header.baseOffset),
                    found.baseOffset == entry.header.baseOffset
                else {
                    if history.mayBeGone(index) { continue }
                    try lose(index, "is not found", store)
                    continue
                }
                try check(found, index)
                guard try isReadable(found, index, store) else { continue }
                var next = try walk.next()
                while let one = next, one.baseOffset < found.baseOffset,
                    lost.contains(where: { history.entries[$0].header.baseOffset == one.baseOffset })
                {
                    next = try walk.next()
                }
                try demand(next == found, "behind entry \(index) comes \(next as Any)")
            }
            if lost.isEmpty {
                try demand(try walk.next() == nil, "log \(log.value) has more than was appended")
            }
        }
        let strangers = store.storedLogs.filter { history.visible($0).isEmpty }
        try demand(strangers.isEmpty, "logs that are gone are still there: \(strangers)")
    }

    /// One batch, found by offset or by time.
    func readSomething(_ store: LogStore) throws {
        let log = LogID(UInt32(1 + random.below(plan.logCount)))
        let visible = history.visible(log)
        guard !visible.isEmpty else {
            do {
                try demand(
                    try store.batch(of: log, holding: Offset(0)) == nil,
                    "log \(log.value) has nothing, and something is found")
            } catch is StorageError {}
            return
        }
        let index = random.pick(visible)
        let entry = history.entries[index]
        do {
            switch random.below(3) {
            case 0: try readByTime(entry, log, visible, store)
            case 1: try readRun(index, log, store)
            default:
                let width = entry.header.baseOffset.distance(to: entry.header.lastOffset)
                let offset = entry.header.baseOffset.advanced(by: random.below(width + 1))
                guard let found = try store.batch(of: log, holding: max(offset, history.start(of: log))),
                    found.baseOffset == entry.header.baseOffset
                else {
                    if history.mayBeGone(index) { return }
                    return try lose(index, "is not found", store)
                }
                try check(found, index)
                _ = try isReadable(found, index, store)
            }
            statistics.reads += 1
        } catch let error as StorageError {
            // An error of the device says nothing about what is stored.
            guard case .failed = error else { throw Failure("entry \(index): \(error)") }
        }
    }

    private func readByTime(
        _ entry: StoreHistory.Entry, _ log: LogID, _ visible: [Int], _ store: LogStore
    ) throws {
        guard lossesLeft == 0, lost.isEmpty else { return }
        let time = entry.header.appendTime
        let early = visible.filter { history.entries[$0].header.appendTime >= time }
        let found = try store.firstBatch(of: log, appendedAt: time)
        try demand(
            isFirst(found, of: early),
            "the first batch of log \(log.value) appended at \(time) is \(found as Any), "
                + "not entry \(early.first as Any)")
        let young = visible.filter { history.entries[$0].timestamp >= entry.timestamp }
        let other = try store.firstBatch(of: log, withTimestamp: entry.timestamp)
        try demand(
            isFirst(other, of: young),
            "the first batch of log \(log.value) with time \(entry.timestamp) is \(other as Any), "
                + "not entry \(young.first as Any)")
    }

    /// Whether `found` is the first of these that is there; some need not be.
    private func isFirst(_ found: StoredBatch?, of indexes: [Int]) -> Bool {
        for index in indexes {
            let isIt = found?.baseOffset == history.entries[index].header.baseOffset
            if isIt { return !history.isGone(index) }
            if !history.mayBeGone(index) { return false }
        }
        return found == nil
    }

    /// A run of a file, as it would be sent: whole batches, end to end.
    private func readRun(_ index: Int, _ log: LogID, _ store: LogStore) throws {
        guard lossesLeft == 0, lost.isEmpty else { return }
        let first = history.entries[index].header
        let limit = 1 + random.skewed(60_000)
        guard
            let run = try store.run(
                of: log, from: max(first.baseOffset, history.start(of: log)), below: Offset(.max),
                byteLimit: limit, atLeastOne: true)
        else { return }
        let region = run.region
        let found: [UInt8]
        do {
            found = try region.file.read(at: region.offset, byteCount: region.byteCount)
        } catch { throw StorageError.failed(error) }
        var rest = found[...]
        for other in history.visible(log)
        where other >= index && history.entries[other].header.lastOffset < run.nextOffset {
            if let content = contents(of: other).first(where: { rest.starts(with: $0) }) {
                rest = rest.dropFirst(content.count)
            } else {
                try demand(
                    history.mayBeGone(other),
                    "entry \(other) is not in the run from entry \(index) to \(run.nextOffset)")
            }
        }
        try demand(
            rest.isEmpty && (run.baseOffset == first.baseOffset || history.mayBeGone(index)),
            "the run from entry \(index) to \(run.nextOffset) is not what was appended")
    }

    private func check(_ found: StoredBatch, _ index: Int) throws {
        let entry = history.entries[index]
        // Append times may be lost with a damaged page of an index.
        let isTimeRight = found.appendTime == entry.header.appendTime || plan.damagesAtRest
        try demand(
            found.lastOffset == entry.header.lastOffset
                && contents(of: index).contains { $0.count == found.byteCount } && isTimeRight
                && found.maxTimestampMilliseconds == entry.timestamp,
            "entry \(index), \(entry.header), is found as \(found)")
        try demand(!history.isGone(index), "entry \(index) came back after it was rewritten away")
    }

    private func isReadable(_ found: StoredBatch, _ index: Int, _ store: LogStore) throws -> Bool {
        do {
            let content = try store.read(found, verifying: true)
            try demand(contents(of: index).contains(content), "entry \(index) reads as something else")
            return true
        } catch StorageError.damaged {
            try lose(index, "is damaged", store)
            return false
        }
    }

    /// A batch is not there: that is so only for the one that was damaged, and it is told.
    private func lose(_ index: Int, _ what: String, _ store: LogStore) throws {
        if !store.takeDamage().isEmpty { hasTold = true }
        guard !lost.contains(index) else { return }
        try demand(
            lossesLeft > 0, "entry \(index), \(history.entries[index].header), \(what)")
        try demand(hasTold, "entry \(index) \(what), and nobody is told")
        lossesLeft -= 1
        lost.insert(index)
    }

    func bytes(of index: Int) -> [UInt8] {
        let entry = history.entries[index]
        guard entry.command == .batch else { return EntryContent.command(index) }
        return EntryContent.batch(
            index, base: entry.header.baseOffset, last: entry.header.lastOffset,
            timestamp: entry.timestamp, byteCount: entry.header.payloadByteCount)
    }
}
