import Bytes
import Catalog
import JetStream
import JetStreamAPI
import KafkaCoordination
import Model
import Storage

extension Broker {
    /// Makes all machines what the newest whole snapshots say.
    ///
    /// - Parameter findings: gets a line for each snapshot that could not be used.
    /// - Returns: the position up to which catalog and groups hold, and the one to replay from; nil without snapshots.
    func restoreSnapshots(
        _ findings: inout [String]
    ) throws(StorageError) -> (core: WALPosition, oldest: WALPosition)? {
        var cores: [(set: Int, position: WALPosition, core: RestoredCore)] = []
        for set in 0...1 {
            do {
                guard var reader = try store.snapshots.open(Self.coreName(set)) else { continue }
                let core = try RestoredCore(
                    readingSnapshot: { try reader.piece() }, origin: { try self.origin(of: $0, in: $1) })
                guard try reader.next() == nil else { throw SnapshotFault.inconsistent("more than it says") }
                cores.append((set, reader.position, core))
            } catch {
                findings.append("snapshot \(Self.coreName(set)) is not used: \(error)")
            }
        }
        guard let newest = cores.max(by: { $0.position < $1.position }) else { return nil }
        for record in newest.core.catalogRecords {
            if case .consumerCreated = record { catalog.apply(record) } else { apply(record) }
        }
        catalog.skipIDs(below: newest.core.nextStream, newest.core.nextLog)
        for record in newest.core.coordination { apply(record) }
        for log in logs.values {
            if let restored = newest.core.inside[log.id] {
                take(restored, at: newest.position, for: log, &findings)
            } else {
                restore(log, cores.sorted { $0.position > $1.position }, &findings)
            }
        }
        for core in cores { snapshotRounds.positions[core.set] = core.position }
        snapshotRounds.next = 1 - newest.set
        let oldest = logs.values.map(\.restoredPosition).min() ?? newest.position
        return (newest.position, min(oldest, newest.position))
    }

    /// Restores a log from a file of its own, of the newest set that has a good one.
    private func restore(
        _ log: PartitionLog, _ cores: [(set: Int, position: WALPosition, core: RestoredCore)],
        _ findings: inout [String]
    ) {
        for core in cores {
            if let inside = core.core.inside[log.id] {
                return take(inside, at: core.position, for: log, &findings)
            }
            guard let position = core.core.separate[log.id] else { continue }
            let name = Self.logName(log.id, core.set)
            do {
                guard var reader = try store.snapshots.open(name) else {
                    throw SnapshotFault.inconsistent("it is not there")
                }
                guard reader.position == position else {
                    throw SnapshotFault.inconsistent("it is of another round")
                }
                let restored = try RestoredLog(log.id, origin: origin(of: log.id, in: catalog)) {
                    try reader.piece()
                }
                log.snapshotPositions[core.set] = position
                return take(restored, at: core.position, for: log, &findings)
            } catch {
                findings.append("snapshot \(name) is not used: \(error)")
            }
        }
        log.needsRebuilding = true
    }

    private func origin(of log: LogID, in catalog: CatalogMachine) throws -> RestoredLog.Origin {
        guard let place = catalog.place(of: log), let stream = catalog[place.stream] else {
            throw SnapshotFault.inconsistent("log \(log.value) belongs to no stream")
        }
        return RestoredLog.Origin(
            config: streamConfig(of: stream, partition: place.partition), created: stream.created)
    }

    private func take(
        _ restored: RestoredLog, at position: WALPosition, for log: PartitionLog,
        _ findings: inout [String]
    ) {
        log.startOffset = restored.startOffset
        log.endOffset = restored.endOffset
        // Without a view nobody knows of records to leave out, whatever a server of before has written down.
        log.hasHoles = restored.hasHoles && restored.view != nil
        log.cleanedTo = restored.cleanedTo
        log.tombstonesDue = restored.tombstonesDue
        log.producers = restored.producers
        log.view = restored.view
        log.due = restored.due
        log.restoredPosition = position
        log.lastChange = .first
        if log.durability == .memory {
            // Whatever was kept of it in its time: it begins anew once all is replayed.
            log.producers = ProducerTable()
            log.view = nil
            log.due = DueRemovals()
            return
        }
        guard let view = log.view else { return }
        for (name, bytes) in restored.consumers {
            // One that was deleted since needs no machine any more.
            guard let entry = catalog.consumer(name, on: log.id) else { continue }
            do {
                let config = try ConsumerConfig(json: entry.config)
                let machine = try ConsumerMachine(
                    name: name, config: config, created: entry.created, stream: view,
                    snapshot: bytes.span.bytes)
                log.consumers[name] = StreamConsumer(log: log, name: name, machine: machine)
            } catch {
                findings.append("consumer \(name) of log \(log.id.value) begins anew: \(error)")
                applyToConsumers(
                    .consumerCreated(log.id, name: name, created: entry.created, config: entry.config),
                    of: log)
            }
        }
        for consumer in log.consumers.values { settle(consumer) }
    }
}
