public import Model

/// Roll-up of a few logs ahead of the others: also of what the file that is being written has of them.
///
/// The write-ahead log keeps its copies until it is rolled up as a whole. What segments have counts: a start passes over the
/// batches of a log up to the end of its last segment.
extension LogStore {
    /// What of a log only the write-ahead log has.
    public struct ActivePart: Equatable, Sendable {
        public var byteCount: Int64
        public var firstAppendTime: Timestamp

        public init(byteCount: Int64, firstAppendTime: Timestamp) {
            self.byteCount = byteCount
            self.firstAppendTime = firstAppendTime
        }
    }

    /// Nil where there is nothing of the kind, or where it cannot be rolled up before the others.
    public func activePart(of log: LogID) -> ActivePart? {
        guard !keptBack.contains(log), let tail = logs[log]?.tail, let first = tail.entries.first else { return nil }
        return ActivePart(byteCount: tail.byteCount, firstAppendTime: first.appendTime)
    }

    /// Begins to make segments of the active parts of these logs, in the background.
    ///
    /// - Parameter whenDone: called from ``applyBackgroundWork()`` when their batches are in segments, or when that was given up:
    ///   because of damage, for the log that has it until the others are rolled up; or because of the device, to be asked for again.
    /// - Returns: false when there is nothing to do, or a roll-up is under way.
    @discardableResult
    public func rollUpAhead(_ ids: [LogID], whenDone: @escaping () -> Void = {}) -> Bool {
        guard !isRollingUp else { return false }
        let parts = Set(ids).sorted().compactMap { id -> RollUpPlan.Log? in
            guard activePart(of: id) != nil, let tail = logs[id]?.tail else { return nil }
            return RollUpPlan.Log(id: id, entries: Array(tail.entries), byteCount: Int(tail.byteCount))
        }
        guard !parts.isEmpty else { return false }
        isRollingUp = true
        aheadOfOthers = (parts.map(\.id), whenDone)
        let plan = RollUpPlan(end: nil, logs: parts, damage: [], mark: wal.appendedMark)
        let limits = SegmentLimits(
            segmentByteCount: options.segmentByteCount, ownFileByteCount: options.ownFileByteCount)
        worker.add(RollUpJob(plan, walFiles: wal.files, limits: limits))
        return true
    }

    func applyRollUpAhead(_ result: Result<ManifestSwitch, StorageError>) {
        isRollingUp = false
        guard let (ids, whenDone) = aheadOfOthers else { preconditionFailure("nobody asked for this roll-up") }
        aheadOfOthers = nil
        switch result {
        case .success(let change):
            for segment in change.added.flatMap(\.segments) {
                logs[segment.log]?.tail.removeFirst { $0.lastOffset <= segment.lastOffset }
            }
            apply(change)
        case .failure(.damaged(let path, let offset)):
            // The others are asked for again.
            let damaged = ids.filter { id in
                logs[id]?.tail.entries.contains {
                    $0.position.offset == offset && wal.files.path($0.position.fileNumber) == path
                } ?? false
            }
            keptBack.formUnion(damaged.isEmpty ? ids : damaged)
        case .failure: break
        }
        whenDone()
    }
}
