import Catalog
import JSON
import JetStream
import JetStreamAPI
import Model
import Records
import Storage
import Transport

extension Broker {
    /// Creates a JetStream stream, or finds the one that is there with the same configuration.
    public func createStream(
        _ request: StreamConfigRequest, nameInSubject: String,
        account: String = StreamNaming.globalAccount, limits: AccountStreamLimits = .none
    ) throws(JetStreamError) -> PartitionLog {
        let config = try request.validated(nameInSubject: nameInSubject)
        if let existing = try stream(named: config.name, in: account) {
            guard existing.view?.config.isSame(as: config) == true else { throw .streamNameExists }
            return existing
        }
        try check(config, replacing: nil, limits, of: account)
        let record: CatalogRecord
        do {
            record = try catalog.decideCreateStream(
                account: account, name: config.name, subjects: config.subjects,
                keyPrefix: KeyPrefix(subjects: config.subjects).text, config: config.json,
                topicID: .random(), now: loop.now)
        } catch { throw error.jetStream }
        try changeForJetStream(record)
        guard let log = try stream(named: config.name, in: account) else { throw .streamNotFound }
        publishWhenDurable(.stream(.create, stream: config.name), to: account)
        return log
    }

    public func updateStream(
        _ request: StreamConfigRequest, nameInSubject: String,
        account: String = StreamNaming.globalAccount, limits: AccountStreamLimits = .none
    ) throws(JetStreamError) -> PartitionLog {
        guard let log = try stream(named: nameInSubject, in: account), let place = catalog.place(of: log.id),
            let current = log.view?.config
        else {
            // What is wrong with the request by itself is said before the stream is looked for.
            _ = try request.validatedUpdate(of: request.config, nameInSubject: nameInSubject)
            throw .streamNotFound
        }
        let config = try request.validatedUpdate(of: current, nameInSubject: nameInSubject)
        try check(config, replacing: current, limits, of: account)
        if let stream = catalog[place.stream], stream.origin == .kafka,
            config.subjects != stream.subjects
        {
            throw .invalidConfig("the subjects of a Kafka topic can not be changed")
        }
        let record: CatalogRecord
        do {
            record = try catalog.decideUpdateStream(
                place.stream, subjects: config.subjects, config: config.json)
        } catch { throw error.jetStream }
        try changeForJetStream(record)
        removeDue(from: log)
        shrank(log)
        armExpiry(of: log)
        publishWhenDurable(.stream(.modify, stream: nameInSubject), to: account)
        return log
    }

    /// Deletes a stream with its consumers.
    public func deleteStream(
        named name: String, in account: String = StreamNaming.globalAccount
    ) throws(JetStreamError) {
        // Nobody need have looked at its messages.
        guard let id = catalog.log(streamName: name, in: account), let log = logs[id], let place = catalog.place(of: id)
        else { throw .streamNotFound }
        if let stream = catalog[place.stream], stream.partitionCount > 1 {
            throw .invalidConfig("a partition of a Kafka topic can not be deleted by itself")
        }
        let consumers = log.consumers.keys.sorted()
        do { try deleteStream(place.stream) } catch { throw error.jetStream }
        for consumer in consumers {
            publishWhenDurable(.consumer(.delete, stream: name, consumer: consumer), to: account)
        }
        publishWhenDurable(.stream(.delete, stream: name), to: account)
    }

    /// The log that JetStream calls `name`, with its view; nil for none.
    ///
    /// - Throws: `storeFailed` where the log cannot be read, or where its view is still being made: see ``wake(_:)``.
    public func stream(
        named name: String, in account: String = StreamNaming.globalAccount
    ) throws(JetStreamError) -> PartitionLog? {
        guard let id = catalog.log(streamName: name, in: account), let log = logs[id] else { return nil }
        guard try wake(log) else { throw .storeFailed("the messages of \(name) are still being read") }
        return log
    }

    /// What answers show of a stream, without details.
    public func streamInfo(_ log: PartitionLog, leader: String?) -> StreamInfo {
        guard let view = log.view else {
            preconditionFailure("log \(log.id.value) has no JetStream view")
        }
        var state = view.state
        if state.messages > 0 { state.firstTime = time(of: view.firstSequence, in: log) }
        state.consumerCount = log.consumers.count
        return StreamInfo(
            config: view.config, created: view.created, state: state, leader: leader, now: loop.now)
    }

    // MARK: Messages

    public func deleteMessage(
        _ sequence: StreamSequence, from log: PartitionLog
    ) throws(JetStreamError) {
        guard let control = try log.view?.decideDelete(sequence) else { throw .streamNotFound }
        do { try remove(control, from: log, isAsked: true) } catch { throw error.jetStream }
        shrank(log)
    }

    /// - Returns: how many messages went.
    public func purge(_ request: PurgeRequest, from log: PartitionLog) throws(JetStreamError)
        -> UInt64
    {
        guard let control = try log.view?.decidePurge(request) else { throw .streamNotFound }
        let count: UInt64
        do { count = try remove(control, from: log, isAsked: true) } catch { throw error.jetStream }
        shrank(log)
        return count
    }

    /// Calls `body` with one message that is on disk.
    ///
    /// - Returns: nil where the stream has none at `sequence`.
    public func withMessage<Result>(
        _ sequence: StreamSequence, of log: PartitionLog,
        _ body: (
            _ subject: RawSpan, _ headers: RawSpan, _ payload: RawSpan, _ time: Timestamp
        ) -> Result
    ) throws(JetStreamError) -> Result? {
        guard log.view?.contains(sequence) == true else { return nil }
        do {
            if let open = log.openBatch.baseOffset, Offset(sequence) >= open { sealOpenBatches() }
            return try messages.withMessage(at: Offset(sequence), of: log, in: store, body)
        } catch { throw .storeFailed("\(error)") }
    }

    /// Consumers hear that messages are gone.
    private func shrank(_ log: PartitionLog) {
        guard let view = log.view else { return }
        for consumer in log.consumers.values {
            consumer.machine.streamShrank(view, now: loop.now)
            wake(consumer)
        }
    }

    func changeForJetStream(_ record: CatalogRecord) throws(JetStreamError) {
        do { try change(record) } catch { throw error.jetStream }
    }
}

extension StreamConfig {
    var json: JSONValue {
        var writer = JSONWriter()
        write(to: &writer)
        guard let value = try? JSONValue.parse(writer.bytes.span.bytes) else {
            preconditionFailure("a configuration is written as JSON: \(writer.text)")
        }
        return value
    }
}

extension ConsumerConfig {
    var json: JSONValue {
        var writer = JSONWriter()
        write(to: &writer)
        guard let value = try? JSONValue.parse(writer.bytes.span.bytes) else {
            preconditionFailure("a configuration is written as JSON: \(writer.text)")
        }
        return value
    }
}

extension CatalogMachine.Refusal {
    var jetStream: JetStreamError {
        switch self {
        case .nameExists, .nameCollides: .streamNameExists
        case .subjectsOverlap: .subjectOverlap
        case .badSubject: .invalidConfig("invalid subject")
        case .noSuchStream: .streamNotFound
        case .noSuchConsumer: .consumerNotFound
        case .illegalTopicName(let name): .invalidConfig("illegal name \(name)")
        case .badPartitionCount(let count): .invalidConfig("\(count) partitions")
        case .partitionsAreFixed(let reason): .invalidConfig(reason)
        }
    }
}

extension CatalogFailure {
    var jetStream: JetStreamError {
        switch self {
        case .refused(let refusal): refusal.jetStream
        case .setting(let refusal): .invalidConfig("\(refusal)")
        case .storage(let error): error.jetStream
        }
    }
}

extension StorageError {
    var jetStream: JetStreamError {
        if case .storageFull = self { return .insufficientResources }
        return .storeFailed("\(self)")
    }
}
