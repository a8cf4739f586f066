import Catalog
import KafkaCoordination
import Logging
import Model
import Records
import Storage
import Transport

/// All streams, topics, consumers and groups of this node, joined to the one write-ahead log.
///
/// Lives on loop 0 and is used from nowhere else. Within a turn it decides and applies what arrives and appends to the
/// write-ahead log; at the end of the turn it hands that to the disk, once. What acknowledges something waits for the
/// durable mark: see ``whenDurable(_:_:)``.
public final class Broker: @unchecked Sendable {
    public let options: BrokerOptions
    public let loop: EventLoop
    public internal(set) var catalog: CatalogMachine
    public internal(set) var groups: GroupCoordinator
    /// How it reaches the clients of `$G`, and through it those of others.
    public weak var nats: (any NATSRouting)?
    public weak var catalogObserver: (any CatalogObserver)?

    let store: LogStore
    let log: Logger
    var logs: [LogID: PartitionLog] = [:]
    var producerIDs = ProducerIDAllocator()
    /// Logs that took NATS publishes in this turn.
    var logsWithOpenBatch: [PartitionLog] = []
    var unreadable = UnreadableBatches()
    var validator = RecordBatchValidator()
    var reader = StoredBatchReader()
    var messages = MessageReader()
    /// Consumers that have something to do at the end of this turn.
    var consumersToRun: [StreamConsumer] = []
    /// Logs with messages that go at the end of this turn, as nobody wants them any more.
    var dueRemovals: [LogID: PartitionLog] = [:]
    /// Runs while there was no room on the disk to write down what goes.
    var removalRetry: TimerID?
    /// Of logs with messages that will be too old.
    var expiryTimers: [LogID: (timer: TimerID, due: Timestamp)] = [:]
    var snapshotRounds = SnapshotRounds()
    /// In recovery, the frame that is being applied.
    var replayPosition: WALPosition?
    /// Logs whose start has moved in this turn, so that space can come back.
    var shortened: [LogID: PartitionLog] = [:]
    var retentionClock = RetentionClock()
    var removal = RemovalState()
    var wakes = ViewWakes()
    /// The pass of compaction that is under way.
    var compaction: CompactionPass?
    var damageReports = DamageReports()
    /// What the open batches hold, and what they cost beside it.
    @exclusivity(unchecked) var openBatchByteCount = 0
    private var durability = DurabilityQueue()
    private var actionsOfThisTurn = ActionsOfTurn()

    /// - Parameter store: replayed by ``recover()``, which comes before everything else.
    public init(loop: EventLoop, store: LogStore, options: BrokerOptions, log: Logger) {
        self.loop = loop
        self.store = store
        self.options = options
        catalog = CatalogMachine(kafkaAccount: options.kafkaAccount)
        self.log = log
        var groupOptions = GroupOptions()
        groupOptions.initialRebalanceDelayMilliseconds = Int32(options.initialRebalanceDelayMilliseconds)
        groups = GroupCoordinator(options: groupOptions)
    }

    /// Joins the turns of its loop. On the loop.
    public func start() {
        loop.atTurnEnd { [unowned self] in endTurn() }
        expireProducers()
        scheduleRetention(afterMilliseconds: min(30_000, options.retentionCheckMilliseconds))
        scheduleCompaction()
        let loop = loop
        // The post is what wakes the loop; the hook at the end of that turn does the work.
        store.wal.onDurable = { loop.post {} }
        store.onBackgroundWork { loop.post {} }
        startStreams()
    }

    /// Once an hour, forgets idempotent producers that wrote nothing for `producer.id.expiration.ms`.
    private func expireProducers() {
        let day: Int64 = 86_400_000_000_000
        for log in logs.values {
            log.producers.expire(olderThan: loop.now.advanced(byNanoseconds: -day))
        }
        loop.schedule(afterNanoseconds: day / 24) { [unowned self] in expireProducers() }
    }

    // MARK: Turns and durability

    /// Runs `action` on the loop once what was decided so far has got as far as `assurance` says.
    ///
    /// With `.device` that is everything but what happened to logs of other classes than ``Durability/sync``; with
    /// `.file` it is everything; with `.memory` there is nothing to wait for but the end of the turn.
    /// - Parameter clientCount: how many clients wait for it.
    public func whenDurable(
        _ assurance: Assurance = .device, clientCount: Int = 0, _ action: @escaping () -> Void
    ) {
        actionsOfThisTurn.append(action, assurance)
        if assurance == .device { actionsOfThisTurn.clientCount += clientCount }
    }

    /// Another client waits for an action of this turn, with assurance `.device`.
    public func addWaitingClient() { actionsOfThisTurn.clientCount += 1 }

    /// What became durable is made readable and answered; what was decided is handed to the disk.
    private func endTurn() {
        drainDurable()
        removeAllDue()
        runConsumers()
        sealOpenBatches()
        snapshotIfDue()
        giveBackSpace()
        store.submit(maySync: actionsOfThisTurn.isForOneAlone)
        if store.hasNewDamage { reportDamage() }
        if unreadable.isDue { loop.post {} }
        waitForActions()
    }

    private func waitForActions() {
        guard !actionsOfThisTurn.isEmpty else { return }
        let wal = store.wal
        var isDue = false
        actionsOfThisTurn.takeAll { actions, assurance in
            // What other logs have put off is not waited for, so the device's mark is that of its own last frame.
            let mark = assurance == .device ? wal.syncMark : wal.appendedMark
            durability.wait(for: mark, assurance) {
                for action in actions { action() }
            }
            switch assurance {
            case .memory: isDue = true
            case .file: isDue = isDue || wal.writtenMark >= mark
            case .device: isDue = isDue || wal.durableMark >= mark
            }
        }
        // Where nothing was written, nothing needs to be waited for.
        if isDue { loop.post {} }
    }

    private func drainDurable() {
        let durableMark = store.wal.durableMark
        let writtenMark = store.wal.writtenMark
        var changed: [LogID: PartitionLog] = [:]
        while let batch = unreadable.next(durableMark: durableMark, writtenMark: writtenMark) {
            batch.log.readableEnd = max(batch.log.readableEnd, batch.end)
            changed[batch.log.id] = batch.log
            if let base = batch.liveBase { deliverLive(batch.log, from: base) }
        }
        while let action = durability.next(durableMark: durableMark, writtenMark: writtenMark) { action() }
        for log in changed.values where !log.isDeleted {
            wakeConsumers(of: log)
            armExpiry(of: log)
            log.tellObservers()
        }
    }

    /// Where a change that happens now belongs in the write-ahead log.
    var changePosition: WALPosition { replayPosition ?? store.endPosition }

    // MARK: Looking up

    /// What monitoring shows of everything that is kept.
    public struct Totals {
        public var logCount = 0
        public var consumerCount = 0
        public var recordCount: Int64 = 0
        public var byteCount: Int64 = 0
    }

    public var totals: Totals {
        logs.values.reduce(into: Totals()) { totals, log in
            totals.logCount += 1
            totals.consumerCount += catalog.consumerCount(on: log.id)
            totals.recordCount += log.endOffset.value - log.startOffset.value
            totals.byteCount += store.byteCount(of: log.id)
        }
    }

    public func log(_ id: LogID) -> PartitionLog? { logs[id] }

    /// How many bytes the batches of a log take.
    public func byteCount(of log: PartitionLog) -> Int64 { store.byteCount(of: log.id) }

    /// The log of one partition of a stream.
    public func log(of stream: StreamEntry, partition: Int) -> PartitionLog? {
        guard stream.logs.indices.contains(partition) else { return nil }
        return logs[stream.logs[partition]]
    }
}

/// Told on loop 0 when streams, topics or consumers change.
public protocol CatalogObserver: AnyObject {
    func catalogChanged(_ record: CatalogRecord)
}
