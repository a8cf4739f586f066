import Model
import Platform
import Storage

/// What is promised of each durability class beyond what all share, and of manifests that are made again.
///
/// All share one log, so whatever a crash takes away is its end: what of the end is there is checked by `checkReplay`, for
/// all logs together. What was synced is there always; what was written, as long as the power was not lost.
extension StoreWorkload {
    /// How a frame of a log has to be kept.
    func durability(of log: LogID, isAsked: Bool) -> FrameDurability {
        guard let classes, !isAsked else { return .sync }
        return classes[log]
    }

    /// Streams in memory begin anew behind the last sequence that is known of.
    func emptyMemoryLogs(_ store: LogStore) {
        guard let classes else { return }
        for log in history.logs where classes.isInMemory(log) && history.cuts[log]?.isDeleted != true {
            if !history.visible(log).isEmpty { statistics.emptied += 1 }
            history.empty(log)
            if careless != .keepsMemory { store.deleteBelow(history.start(of: log), of: log) }
        }
    }

    /// What was put off is synced in time: to be called when the writer has nothing to do.
    func checkDeadlines() throws {
        let now = clock.source.monotonicNanoseconds()
        guard let late = history.firstOverdue(at: now) else { return }
        let entry = history.entries[late]
        throw Failure(
            "entry \(late), \(entry.header), may wait for its sync \(entry.durability.longestWait) ns, and is late by "
                + "\(now - entry.syncedBy)")
    }

    /// What a snapshot says to be gone from segments is gone, unless the manifest was made again since.
    func checkBeliefs(_ snapshot: KnownSnapshot?, _ report: ReplayReport, _ store: LogStore) throws {
        if report.damage.contains(where: { $0.reason == .manifest }) {
            history.forgetRewritten()
            statistics.remakes += 1
        }
        guard var believed = snapshot?.believed, let position = snapshot?.position else { return }
        if let remade = store.manifestRemadeAt, position <= remade, careless != .believesSnapshots { believed = [] }
        let wrong = believed.subtracting(history.rewritten)
        try demand(
            wrong.isEmpty,
            "a snapshot up to \(position) says that entries \(wrong.sorted()) were rewritten; they may have come back, "
                + "and nobody is told")
    }

    /// The newest snapshot that could be read.
    struct KnownSnapshot {
        var count: Int
        var position: WALPosition
        /// What had been rewritten when it was taken.
        var believed: Set<Int>
    }

    /// Which snapshot it is: two of the same name, position and count say the same.
    struct SnapshotID: Hashable {
        var slot: Int
        var position: WALPosition
        var count: Int
    }
}
