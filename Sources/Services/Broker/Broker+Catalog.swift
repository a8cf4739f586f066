import Bytes
import Catalog
import JSON
import Model
import Records
import Storage
import Transport

/// Why a topic or stream was not created, changed or deleted.
public enum CatalogFailure: Error {
    case refused(CatalogMachine.Refusal)
    case setting(TopicSettings.Refusal)
    case storage(StorageError)
}

extension Broker {
    /// Creates a Kafka topic. It is there at once; the answer waits for the durable mark.
    ///
    /// - Parameter partitionCount: nil for the default.
    public func createTopic(
        _ name: String, partitionCount: Int?, config: [String: String], validateOnly: Bool = false
    ) throws(CatalogFailure) -> StreamEntry? {
        do { try TopicSettings.validate(config) } catch { throw .setting(error) }
        let record: CatalogRecord
        do {
            record = try catalog.decideCreateTopic(
                name: name, partitionCount: partitionCount ?? options.defaultPartitionCount,
                subject: config[TopicSettings.subjectName]
                    ?? StreamNaming.subject(ofTopic: name, prefix: options.topicSubjectPrefix),
                config: config, topicID: .random(), now: loop.now)
        } catch { throw .refused(error) }
        if validateOnly { return nil }
        try change(record)
        return catalog.stream(topicName: name)
    }

    /// Replaces what is set of a topic's configuration.
    public func configureTopic(
        _ id: StreamID, config: [String: String], validateOnly: Bool = false
    ) throws(CatalogFailure) {
        do { try TopicSettings.validate(config) } catch { throw .setting(error) }
        // Its keys are subjects, and how many of each are kept is JetStream's to say: `max_msgs_per_subject`.
        if catalog[id]?.origin == .jetStream, TopicSettings(config).isCompacted {
            throw .setting(.badValue(name: "cleanup.policy", value: config["cleanup.policy"] ?? ""))
        }
        let record: CatalogRecord
        do { record = try catalog.decideConfigureTopic(id, config: config) } catch {
            throw .refused(error)
        }
        if validateOnly { return }
        try change(record)
    }

    public func addPartitions(
        _ id: StreamID, newTotal: Int, validateOnly: Bool = false
    ) throws(CatalogFailure) {
        let record: CatalogRecord
        do { record = try catalog.decideAddPartitions(id, newTotal: newTotal) } catch {
            throw .refused(error)
        }
        if validateOnly { return }
        try change(record)
    }

    /// Deletes a stream or topic with its messages, consumers and committed offsets.
    public func deleteStream(_ id: StreamID) throws(CatalogFailure) {
        let record: CatalogRecord
        do { record = try catalog.decideDeleteStream(id) } catch { throw .refused(error) }
        let consumers = (catalog[id]?.logs ?? []).compactMap { logs[$0] }.flatMap { $0.consumers.values }
        try change(record)
        for consumer in consumers { close(consumer) }
    }

    /// Appends a catalog record and applies it.
    func change(_ record: CatalogRecord) throws(CatalogFailure) {
        let bytes = record.encoded()
        do {
            // What the open batches hold comes before the change, here as in recovery.
            sealOpenBatches()
            try appendControl(.catalog, of: .catalog, bytes.span.bytes)
        } catch { throw .storage(error) }
        apply(record)
        catalogObserver?.catalogChanged(record)
    }

    /// Live and in recovery.
    func apply(_ record: CatalogRecord) {
        switch record {
        case .consumerCreated(let log, _, _, _), .consumerUpdated(let log, _, _),
            .consumerDeleted(let log, _):
            catalog.apply(record)
            guard let log = logs[log] else { return }
            log.lastChange = changePosition
            if log.view != nil { applyToConsumers(record, of: log) }
        case .streamDeleted(let id):
            if let topicName = catalog[id]?.topicName { forgetOffsets(ofTopic: topicName) }
            let gone = (catalog[id]?.logs ?? []).compactMap { logs.removeValue(forKey: $0) }
            catalog.apply(record)
            for log in gone {
                log.isDeleted = true
                log.tellObservers()
                if replayPosition == nil {
                    whenDurable { [store] in store.deleteLog(log.id) }
                }
            }
        case .streamCreated(let new):
            catalog.apply(record)
            makeLogs(of: new.id)
        case .partitionsAdded(let id, _):
            catalog.apply(record)
            makeLogs(of: id)
        case .streamUpdated(let id, _, _):
            catalog.apply(record)
            configureViews(of: id)
            setDurability(of: id)
        case .topicConfigured(let id, _):
            catalog.apply(record)
            setDurability(of: id)
        }
    }

    private func makeLogs(of id: StreamID) {
        guard let stream = catalog[id] else { return }
        for (partition, log) in stream.logs.enumerated() where logs[log] == nil {
            let made = PartitionLog(
                id: log, topicID: stream.topicID, partition: partition,
                account: stream.account, keyPrefix: KeyPrefix(stream.keyPrefix))
            logs[log] = made
            if stream.origin == .jetStream { makeView(of: made, stream) }
        }
        setDurability(of: id)
    }
}

extension TopicID {
    /// A random id as RFC 9562 section 5.4 (UUID version 4) has it.
    static func random() -> TopicID {
        TopicID(
            high: UInt64.random(in: .min ... .max) & 0xFFFF_FFFF_FFFF_0FFF | 0x4000,
            low: UInt64.random(in: .min ... .max) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }
}
