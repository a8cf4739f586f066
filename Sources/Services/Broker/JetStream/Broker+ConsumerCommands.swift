import Bytes
import Catalog
import JetStream
import JetStreamAPI
import Model
import Subjects
import Transport

extension Broker {
    /// Creates a consumer, changes it, or finds the one that is there with the same configuration.
    public func createConsumer(
        _ request: CreateConsumerRequest, subject: ConsumerCreateSubject, on log: PartitionLog,
        limits: AccountStreamLimits = .none
    ) throws(JetStreamError) -> StreamConsumer {
        guard let stream = log.view?.config else { throw .streamNotFound }
        var config = try request.validated(subject: subject, stream: stream)
        if let most = limits.ackPendingCount {
            if request.config.maxAckPending > most { throw .ackPendingExceeded(limit: most) }
            config.maxAckPending = min(config.maxAckPending, most)
        }
        let name = config.name.isEmpty ? uniqueText(8) : config.name
        let existing = log.consumers[name]
        if request.action == .create, existing != nil { throw .consumerExists }
        if request.action == .update, existing == nil { throw .consumerMissing }
        if let existing { return try update(existing, to: config) }
        let most = min(stream.consumerLimit, limits.consumerCount ?? .max)
        if log.consumers.count >= most { throw .maximumConsumers }
        if stream.retention == .workqueue { try checkQueue(config, on: log) }
        if case .unnamed = subject, request.config.name.isEmpty { config.name = "" }
        let record: CatalogRecord
        do {
            record = try catalog.decideCreateConsumer(
                name, on: log.id, config: config.json, now: loop.now)
        } catch { throw error.jetStream }
        try changeForJetStream(record)
        guard let consumer = log.consumers[name] else { throw .consumerNotFound }
        if config.isPush { consumer.machine.setBound(isListenedTo(consumer), now: loop.now) }
        // Its first message comes behind the answer that it is there.
        consumer.isReady = false
        whenDurable { [unowned self] in
            consumer.isReady = true
            wake(consumer)
        }
        publishWhenDurable(
            .consumer(.create, stream: stream.name, consumer: name), to: log.account)
        if config.pauseUntil != nil { tellPause(of: consumer) }
        return consumer
    }

    private func update(
        _ consumer: StreamConsumer, to next: ConsumerConfig
    ) throws(JetStreamError) -> StreamConsumer {
        let current = consumer.machine.config
        try current.checkUpdate(to: next, isBound: current.isPush && isListenedTo(consumer))
        var next = next
        if current.name.isEmpty { next.name = "" }
        if !current.isSame(as: next) {
            let record: CatalogRecord
            do {
                record = try catalog.decideUpdateConsumer(
                    consumer.name, on: consumer.log.id, config: next.json)
            } catch { throw error.jetStream }
            try changeForJetStream(record)
        }
        guard let changed = consumer.log.consumers[consumer.name] else { throw .consumerNotFound }
        removeDue(from: changed.log)
        wake(changed)
        return changed
    }

    /// Each message of a work queue goes to one consumer only.
    private func checkQueue(_ config: ConsumerConfig, on log: PartitionLog) throws(JetStreamError) {
        guard !log.consumers.isEmpty else { return }
        let wanted = config.subjectFilters
        if wanted.isEmpty { throw .workQueueUnfiltered }
        for other in log.consumers.values {
            let taken = other.machine.config.subjectFilters
            if taken.isEmpty
                || taken.contains(where: { filter in wanted.contains { $0.overlaps(filter) } })
            {
                throw .workQueueNotUnique
            }
        }
    }

    public func deleteConsumer(_ consumer: StreamConsumer) throws(JetStreamError) {
        let log = consumer.log
        let record: CatalogRecord
        do { record = try catalog.decideDeleteConsumer(consumer.name, on: log.id) } catch {
            throw error.jetStream
        }
        try changeForJetStream(record)
        close(consumer)
        removeDue(from: log)
        publishWhenDurable(
            .consumer(.delete, stream: consumer.machine.stream, consumer: consumer.name),
            to: log.account)
    }

    /// Whoever waits for the consumer is told that it is gone.
    func close(_ consumer: StreamConsumer) {
        consumer.isDeleted = true
        consumer.log.consumers[consumer.name] = nil
        if let timer = consumer.timer { loop.cancel(timer) }
        consumer.timer = nil
        consumer.machine.close()
        flush(consumer)
    }

    /// - Parameter until: nil or a time that is over lets it go on.
    public func pauseConsumer(
        _ consumer: StreamConsumer, until: Timestamp?
    ) throws(JetStreamError) {
        var config = consumer.machine.config
        let isSame = config.pauseUntil == until
        config.pauseUntil = until
        let record: CatalogRecord
        do {
            record = try catalog.decideUpdateConsumer(
                consumer.name, on: consumer.log.id, config: config.json)
        } catch { throw error.jetStream }
        try changeForJetStream(record)
        wake(consumer)
        if !isSame { tellPause(of: consumer) }
    }

    private func tellPause(of consumer: StreamConsumer) {
        consumer.isToldPaused = consumer.machine.isPaused(now: loop.now)
        publishWhenDurable(
            .paused(
                stream: consumer.machine.stream, consumer: consumer.name,
                until: consumer.machine.config.pauseUntil, isPaused: consumer.isToldPaused),
            to: consumer.log.account)
    }

    /// Tells that a pause is over, once.
    func tellEndOfPause(of consumer: StreamConsumer) {
        let isPaused = consumer.machine.isPaused(now: loop.now)
        guard isPaused != consumer.isToldPaused else { return }
        // A restart begins with consumers that were told to be paused.
        if isPaused { consumer.isToldPaused = true } else { tellPause(of: consumer) }
    }

    /// - Returns: where it begins again.
    public func resetConsumer(
        _ consumer: StreamConsumer, to sequence: StreamSequence?
    ) -> StreamSequence {
        defer { wake(consumer) }
        return consumer.machine.reset(to: sequence, now: loop.now)
    }

    public func consumerInfo(_ consumer: StreamConsumer) -> ConsumerInfo {
        guard let view = consumer.log.view else {
            preconditionFailure("log \(consumer.log.id.value) has a consumer and no view")
        }
        if consumer.machine.config.isPush {
            consumer.machine.setBound(isListenedTo(consumer), now: loop.now)
        }
        return consumer.machine.info(stream: view, now: loop.now)
    }

    // MARK: What clients say to a consumer

    /// A pull request. Messages follow at the end of the turn.
    public func pull(_ request: PullRequest, inbox: RawSpan, from consumer: StreamConsumer) {
        guard let view = consumer.log.view else { return }
        consumer.machine.request(
            request, inbox: Array(copying: inbox), now: loop.now, stream: view)
        wake(consumer)
    }

    /// An ack, refusal or other word about a delivery. Written down at the end of the turn.
    ///
    /// - Returns: false if it was not taken and must not be confirmed, as its message is delivered again: the disk is full and too
    ///   much waits to be written down, or the consumer knows of no delivery.
    public func acknowledge(
        _ sequence: StreamSequence, _ message: AckMessage, at consumer: StreamConsumer
    ) -> Bool {
        if consumer.isOverdue {
            flush(consumer)
            if consumer.isOverdue { return false }
        }
        if !consumer.machine.acknowledge(sequence, message, now: loop.now) {
            guard let view = consumer.log.view,
                consumer.machine.acknowledgeLate(sequence, message, in: view, now: loop.now)
            else { return false }
        }
        wake(consumer)
        return true
    }

    public func flowControlAnswered(_ subject: String, at consumer: StreamConsumer) {
        consumer.machine.flowControlAnswered(subject, now: loop.now)
        wake(consumer)
    }
}
