import Model
import Storage

/// Snapshots of what the commands say, as the broker writes them.
extension StoreWorkload {
    /// Saves what the commands say; the two names take turns, so that one is always whole. Files of
    /// the log are given up when both hold what was in them.
    func saveSnapshot(_ store: LogStore) {
        guard !isSaving else { return }
        isSaving = true
        let slot = nextSnapshot
        nextSnapshot = 1 - slot
        let count = history.entries.count
        let position = store.endPosition
        let bytes = SnapshotContent(entryCount: count, cuts: history.cuts).bytes
        let id = SnapshotID(slot: slot, position: position, count: count)
        beliefs[id] = history.rewritten.intersection(beliefs[id] ?? history.rewritten)
        store.snapshots.save("machines-\(slot)", position: position) { writer throws(StorageError) in
            try writer.append(piece: bytes)
        } whenDone: { [unowned self, unowned store] result in
            isSaving = false
            guard case .success = result else { return }
            snapshotEnds[slot] = position
            statistics.snapshots += 1
            if careless == .coversTooMuch {
                store.snapshotsCover(upTo: store.endPosition)
            } else if let one = snapshotEnds[0], let other = snapshotEnds[1] {
                store.snapshotsCover(upTo: min(one, other))
            }
        }
    }

    /// The newest snapshot that can be read.
    func readSnapshots(
        _ store: LogStore
    ) throws -> KnownSnapshot? {
        var best: KnownSnapshot?
        for slot in 0..<2 {
            do {
                guard var reader = try store.snapshots.open("machines-\(slot)"),
                    let bytes = try reader.piece()
                else { continue }
                try demand(try reader.piece() == nil, "a snapshot has more than was written")
                let content = try SnapshotContent(bytes)
                try demand(
                    content.entryCount <= history.entries.count,
                    "a snapshot knows \(content.entryCount) entries, only "
                        + "\(history.entries.count) were appended")
                try demand(
                    content.cuts == history.cuts(after: content.entryCount),
                    "a snapshot of \(content.entryCount) entries holds something else")
                snapshotEnds[slot] = reader.position
                if content.entryCount >= best?.count ?? 0 {
                    let id = SnapshotID(slot: slot, position: reader.position, count: content.entryCount)
                    best = KnownSnapshot(
                        count: content.entryCount, position: reader.position, believed: beliefs[id] ?? [])
                    nextSnapshot = 1 - slot
                }
            } catch StorageError.damaged {
                try demand(plan.damagesAtRest, "snapshot \(slot) is damaged")
            }
        }
        return best
    }
}
