import Catalog
import JetStream
import JetStreamAPI
import Model
import Storage

extension Broker {
    /// The durability class of a stream's logs, by its settings of either protocol and by the server's.
    ///
    /// Of JetStream: `storage: memory`, `persist_mode: async` and the server's `sync_interval`. Of Kafka: `flush.ms` and
    /// `flush.messages`, which say when Kafka syncs; where neither is set, what JetStream says is in force, and
    /// without that every acknowledgement waits for the disk.
    public func durability(of stream: StreamEntry) -> Durability {
        let base = durabilityBySettings(ofJetStream: stream)
        let settings = TopicSettings(stream.topicConfig)
        let milliseconds = settings.set("flush.ms").flatMap { Int64($0) }
        let recordCount = settings.set("flush.messages").flatMap { Int64($0) }
        guard base != .memory, milliseconds != nil || recordCount != nil else { return base }
        var (nanoseconds, most): (Int64, Int64) = (0, .max)
        if case .interval(let pause, _) = base { nanoseconds = pause }
        if let milliseconds {
            let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
            nanoseconds = overflow ? .max : product
        }
        if let recordCount { most = recordCount }
        return nanoseconds <= 0 || most <= 1 ? .sync : .interval(nanoseconds: nanoseconds, recordCount: most)
    }

    private func durabilityBySettings(ofJetStream stream: StreamEntry) -> Durability {
        guard stream.origin == .jetStream else { return .sync }
        let config = streamConfig(of: stream, partition: 0)
        if config.storage == .memory { return .memory }
        let pause = options.streamSyncNanoseconds
            ?? (config.persistence == .async ? options.asyncSyncNanoseconds : nil)
        guard let pause, pause > 0 else { return .sync }
        return .interval(nanoseconds: pause, recordCount: .max)
    }

    /// What `flush.ms` of a topic is where nobody has set it.
    public func defaultFlushMilliseconds(of stream: StreamEntry) -> Int64 {
        switch durabilityBySettings(ofJetStream: stream) {
        case .sync: 0
        case .interval(let nanoseconds, _): max(1, nanoseconds / 1_000_000)
        case .memory: .max
        }
    }

    /// Live and in recovery, whenever the settings may have changed.
    func setDurability(of id: StreamID) {
        guard let stream = catalog[id] else { return }
        let durability = durability(of: stream)
        for log in stream.logs { logs[log]?.durability = durability }
    }

    /// After everything was replayed: streams in memory begin anew, with their configuration and their consumers, and
    /// with the sequence behind the last that is known of.
    func emptyMemoryLogs() {
        for log in logs.values where log.durability == .memory {
            guard let place = catalog.place(of: log.id), let stream = catalog[place.stream] else { continue }
            log.needsRebuilding = false
            if let last = store.lastOffset(of: log.id) {
                log.endOffset = max(log.endOffset, last.advanced(by: 1))
            }
            log.startOffset = log.endOffset
            log.hasHoles = false
            makeView(of: log, stream)
            log.view?.skip(to: StreamSequence(log.endOffset))
            log.consumers = [:]
            for consumer in catalog.consumers(on: log.id) {
                applyToConsumers(
                    .consumerCreated(
                        log.id, name: consumer.name, created: consumer.created, config: consumer.config),
                    of: log)
            }
            log.lastChange = changePosition
        }
    }
}
