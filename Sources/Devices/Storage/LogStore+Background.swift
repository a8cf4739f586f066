import DequeModule
public import Model
import Platform

extension LogStore {
    // MARK: What the caller says

    /// Called on the background thread when there is something for ``applyBackgroundWork()``.
    public func onBackgroundWork(_ body: (@Sendable () -> Void)?) { worker.notify(body) }

    /// Frames before this position that are no batches are in the caller's snapshots, all of them
    /// durable: files of the write-ahead log that end before it may go when their batches are in
    /// segments.
    public func snapshotsCover(upTo position: WALPosition) {
        coveredTo = max(coveredTo, position)
    }

    /// Offsets below this are gone. Batches that end before it are not found from now on; the space
    /// of whole segments comes back in the background, when all that was appended before this call
    /// is durable. To be said again after a start.
    public func deleteBelow(_ offset: Offset, of log: LogID) {
        if logs[log, default: LogIndex()].deleteBelow(offset) {
            deletions[log] = .some(offset)
        }
    }

    /// A log and all its batches are gone. Ids are never used again, so nothing is appended to it.
    public func deleteLog(_ log: LogID) {
        logs[log] = nil
        deletions[log] = .some(nil)
    }

    /// One step of background work, where there is no thread for it.
    ///
    /// - Returns: false when there is nothing to do now.
    public func runOneStep() -> Bool { worker.runOneStep() }

    // MARK: Beginning it

    func beginBackgroundWork() {
        currentFile = endPosition.fileNumber
        if currentFile > 1 {
            for number in firstLogFile..<max(firstLogFile, currentFile) {
                completeFiles.append((number, 0))
            }
        }
        releaseLeftovers()
        worker.start()
    }

    /// Files that the manifest says are not needed, which a crash kept from going.
    private func releaseLeftovers() {
        let leftovers = (try? wal.files.numbers().filter { $0 < firstLogFile }) ?? []
        guard !leftovers.isEmpty else { return }
        isReleasing = true
        worker.add(ReleaseJob(leftovers.map { .init(number: $0, fate: fate(of: $0)) }, wal.files))
    }

    func planBackgroundWork() {
        noteCompleteFiles()
        planRollUp()
        planRelease()
        planDeletion()
        planMerge()
    }

    private func noteCompleteFiles() {
        let now = wal.endPosition.fileNumber
        guard now != currentFile else { return }
        for number in currentFile..<now { completeFiles.append((number, wal.appendedMark)) }
        currentFile = now
    }

    /// Rolls up what is complete and durable when there is enough of it.
    private func planRollUp() {
        guard !isRollingUp, let last = completeFiles.last?.number,
            last >= rolledUpTo.fileNumber,
            Int(last - rolledUpTo.fileNumber + 1) * wal.options.fileByteCount
                >= options.rollUpByteCount
        else { return }
        rollUp()
    }

    /// Begins to roll up all complete files, up to twice ``Options/rollUpByteCount`` at once, however
    /// little there is in them.
    ///
    /// - Returns: false when there is none, or a roll-up is under way.
    @discardableResult
    public func rollUp() -> Bool {
        noteCompleteFiles()
        let durable = wal.durableMark
        let limit = UInt64(
            max(1, 2 * options.rollUpByteCount / max(1, wal.options.fileByteCount)))
        let first = max(rolledUpTo.fileNumber, firstLogFile)
        var end = first
        for file in completeFiles
        where file.number == end && file.mark <= durable && end - first < limit {
            end += 1
        }
        guard !isRollingUp, end > first else { return false }
        isRollingUp = true
        let position = WALPosition(file: end, offset: 0)
        let plan = RollUpPlan(
            end: position, logs: logsToRollUp(before: position),
            damage: logDamage.filter { damage in
                (first..<end).contains { wal.files.path($0) == damage.path }
            }, mark: wal.appendedMark)
        let limits = SegmentLimits(
            segmentByteCount: options.segmentByteCount, ownFileByteCount: options.ownFileByteCount)
        worker.add(RollUpJob(plan, walFiles: wal.files, limits: limits))
        return true
    }

    private func logsToRollUp(before end: WALPosition) -> [RollUpPlan.Log] {
        logs.sorted { $0.key < $1.key }.compactMap { id, index in
            let entries = index.tail.entries.prefix { $0.position < end }
            guard !entries.isEmpty else { return nil }
            return RollUpPlan.Log(
                id: id, entries: Array(entries),
                byteCount: entries.reduce(0) { $0 + Int($1.byteCount) })
        }
    }

    private func planRelease() {
        let end = min(rolledUpTo.fileNumber, coveredTo.fileNumber, currentFile)
        guard !isReleasing, end > firstLogFile else { return }
        isReleasing = true
        wal.readers.close(below: end)
        let files = (firstLogFile..<end).map { ReleaseJob.File(number: $0, fate: fate(of: $0)) }
        worker.add(ReleaseJob(files, wal.files))
    }

    private func fate(of number: UInt64) -> ReleaseJob.File.Fate {
        let path = wal.files.path(number)
        if logDamage.contains(where: { $0.path == path || path.hasSuffix("/" + $0.path) }) {
            return .keepAside
        }
        return .recycle
    }

    private func planDeletion() {
        guard !isDeleting, !deletions.isEmpty else { return }
        isDeleting = true
        worker.add(DeleteJob(deletions, mark: wal.appendedMark))
        deletions = [:]
    }

    // MARK: What came of it

    /// Takes up what was finished in the background, and tells those who wait for it.
    public func applyBackgroundWork() {
        for outcome in worker.takeOutcomes() {
            switch outcome {
            case .snapshot(let id, let result): snapshots.finished(id, result)
            case .rolledUp(let change, let end): applyRollUp(change, end)
            case .rolledUpAhead(let result): applyRollUpAhead(result)
            case .switched(let change):
                isDeleting = false
                apply(change)
            case .merged(let result): applyMerge(result)
            case .rewritten(let id, let result): applyRewrite(id, result)
            case .scanned(let id, let result): applyScan(id, result)
            case .released(let last, _):
                isReleasing = false
                firstLogFile = max(firstLogFile, last + 1)
                completeFiles.removeAll { $0.number <= last }
            case .removed: break
            }
        }
    }

    private func applyRollUp(_ change: ManifestSwitch, _ end: WALPosition) {
        isRollingUp = false
        keptBack = []
        rolledUpTo = max(rolledUpTo, end)
        logDamage += change.damage
        newDamage += change.damage
        for id in Array(logs.keys) {
            logs[id]?.tail.removeFirst { $0.position < end }
        }
        apply(change)
    }

    /// What was taken away while it was being written goes again.
    private func add(_ segment: SegmentDescriptor) {
        guard let index = logs[segment.log] else {
            deletions[segment.log] = .some(nil)
            return
        }
        if segment.lastOffset < index.start {
            deletions[segment.log] = .some(index.start)
        } else {
            logs[segment.log]?.add(segment)
        }
    }

    func apply(_ change: ManifestSwitch) {
        areSegmentsChanged = areSegmentsChanged || !change.added.isEmpty || !change.removed.isEmpty
        for segment in change.removed { logs[segment.log]?.remove(segment) }
        for file in change.added {
            segmentFiles[file.number] = file.byteCount
            for segment in file.segments { add(segment) }
        }
        guard !change.emptied.isEmpty else { return }
        for number in change.emptied { segmentFiles[number] = nil }
        segmentCache.forget(change.emptied)
        worker.add(RemoveFilesJob(change.emptied))
    }
}
