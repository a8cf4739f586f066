import Catalog
import JetStream
import KafkaCoordination
import Logging
import Model
import Storage

extension Broker {
    /// Logs with more than so many bytes have snapshots of their own, which are written only when they have changed.
    private static let insideByteLimit = 256 << 10

    static func coreName(_ set: Int) -> String { "core-\(set)" }
    static func logName(_ log: LogID, _ set: Int) -> String { "log-\(log.value)-\(set)" }

    /// At the end of a turn, when nothing is open.
    func snapshotIfDue() {
        guard snapshotRounds.current == nil else { return }
        let appended = store.wal.appendedMark - snapshotRounds.lastMark
        guard appended >= snapshotRounds.interval(shortest: options.snapshotIntervalByteCount) else { return }
        beginSnapshots()
    }

    /// Takes copies of all machines now, and has them written in the background.
    private func beginSnapshots() {
        let set = snapshotRounds.next
        let position = store.endPosition
        snapshotRounds.lastMark = store.wal.appendedMark
        var round = SnapshotRounds.Round(
            set: set, position: position,
            core: CoreSnapshot(
                catalog: catalog, offsets: groups.offsets, producerIDs: producerIDs.record))
        var changed: [(PartitionLog, LogSnapshot)] = []
        for log in logs.values {
            guard LogSnapshot.expectedByteCount(of: log) > Self.insideByteLimit else {
                round.core.inside.append(LogSnapshot(log))
                log.snapshotPositions[set] = nil
                continue
            }
            if let held = log.snapshotPositions[set], log.lastChange < held {
                round.core.separate.append(.init(id: log.id, position: held))
            } else {
                changed.append((log, LogSnapshot(log)))
                log.snapshotPositions[set] = nil
                round.core.separate.append(.init(id: log.id, position: position))
            }
        }
        round.openCount = changed.count
        snapshotRounds.current = round
        for (log, snapshot) in changed {
            save(Self.logName(log.id, set), at: position, snapshot.write) { [unowned self] result in
                if case .success = result { log.snapshotPositions[set] = position }
                finishedFile(result)
            }
        }
        if changed.isEmpty { saveCore() }
    }

    private func save(
        _ name: String, at position: WALPosition,
        _ write: @escaping @Sendable (([UInt8]) throws -> Void) throws -> Void,
        whenDone: @escaping (Result<Int, StorageError>) -> Void
    ) {
        store.snapshots.save(
            name, position: position,
            encode: { writer throws(StorageError) in
                do {
                    try write { try writer.append(piece: $0) }
                } catch let error as StorageError {
                    throw error
                } catch {
                    preconditionFailure("writing a snapshot throws what the disk says only: \(error)")
                }
            }, whenDone: whenDone)
    }

    private func finishedFile(_ result: Result<Int, StorageError>) {
        snapshotRounds.current?.openCount -= 1
        switch result {
        case .success(let byteCount): snapshotRounds.current?.byteCount += byteCount
        case .failure(let error): snapshotRounds.current?.failure = error
        }
        guard let round = snapshotRounds.current, round.openCount == 0 else { return }
        if let failure = round.failure { return giveUpSnapshots(failure) }
        saveCore()
    }

    /// The last file of a round: from now on the others count.
    private func saveCore() {
        guard let round = snapshotRounds.current else { return }
        save(Self.coreName(round.set), at: round.position, round.core.write) { [unowned self] result in
            switch result {
            case .success(let byteCount): finishSnapshots(byteCount: byteCount)
            case .failure(let error): giveUpSnapshots(error)
            }
        }
    }

    private func finishSnapshots(byteCount: Int) {
        guard let round = snapshotRounds.current else { return }
        snapshotRounds.positions[round.set] = round.position
        snapshotRounds.lastByteCount = round.byteCount + byteCount
        snapshotRounds.next = 1 - round.set
        snapshotRounds.current = nil
        if let held = snapshotRounds.heldPosition { store.snapshotsCover(upTo: held) }
        removeStaleSnapshots(round)
    }

    private func giveUpSnapshots(_ error: StorageError) {
        log.error("snapshots are not written, so the next start takes longer: \(error)")
        snapshotRounds.current = nil
    }

    /// Files of the round's set that belong to logs which are gone or small by now.
    private func removeStaleSnapshots(_ round: SnapshotRounds.Round) {
        let wanted = Set(round.core.separate.map { Self.logName($0.id, round.set) })
        do {
            for name in try store.snapshots.names()
            where name.hasPrefix("log-") && name.hasSuffix("-\(round.set)") && !wanted.contains(name) {
                try store.snapshots.remove(name)
            }
        } catch {
            log.warning("old snapshots stay: \(error)")
        }
    }

    /// Writes everything once more, for a start that has nothing to replay. The loop must not run any more.
    ///
    /// What fails here costs the next start some time and nothing else.
    public func finish() {
        sealOpenBatches()
        store.submit()
        guard store.wal.flush() else { return }
        waitForSnapshots()
        let isCurrent = snapshotRounds.positions.contains { $0 == store.endPosition }
        guard !isCurrent else { return }
        beginSnapshots()
        waitForSnapshots()
    }

    private func waitForSnapshots() {
        while snapshotRounds.current != nil {
            store.waitForBackgroundWork()
            store.applyBackgroundWork()
        }
    }
}
