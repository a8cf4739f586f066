import Catalog
import JetStream
public import JetStreamAPI
import Model
import Transport

/// What monitoring shows of what is kept. On the loop; nothing is woken or changed for it.
extension Broker {
    /// All streams together.
    public struct StreamTotals: Sendable, Equatable {
        public var streamCount = 0
        public var consumerCount = 0
        public var messageCount: UInt64 = 0
        /// Of streams that ask for memory, and of the others.
        public var memoryByteCount: UInt64 = 0
        public var storageByteCount: UInt64 = 0
        /// Stretches of files that could not be read, found since the start.
        public var damageCount = 0
        /// What compaction has given back since the start.
        public var compactedByteCount = 0
        /// Message ids that are remembered, so that repeated publishes are found.
        public var messageIDCount = 0

        public init() {}
    }

    /// A stream with its consumers.
    public struct StreamReport: Sendable {
        public var account: String
        public var info: StreamInfo
        public var consumers: [ConsumerInfo] = []
    }

    public var streamTotals: StreamTotals {
        var totals = StreamTotals()
        totals.damageCount = damageCount
        totals.compactedByteCount = removal.freedByteCount
        for log in logs.values where !log.isDeleted {
            totals.streamCount += 1
            totals.consumerCount += catalog.consumerCount(on: log.id)
            if let view = log.view {
                totals.messageCount += view.messageCount
                totals.messageIDCount += view.messageIDCount
                if view.config.storage == .memory {
                    totals.memoryByteCount += view.byteCount
                } else {
                    totals.storageByteCount += view.byteCount
                }
            } else {
                totals.messageCount += UInt64(max(0, log.endOffset.value - log.startOffset.value))
                totals.storageByteCount += UInt64(max(0, byteCount(of: log)))
            }
        }
        return totals
    }

    /// The stream of that name; nil if there is none.
    public func streamReport(
        named name: String, in account: String, withConsumers: Bool
    ) -> StreamReport? {
        guard let id = catalog.log(streamName: name, in: account), let log = logs[id] else {
            return nil
        }
        var report = StreamReport(account: account, info: shortStreamInfo(log))
        guard withConsumers else { return report }
        report.consumers = log.consumers.values.map { consumerInfo($0) }
            .sorted { $0.name < $1.name }
        return report
    }

    /// As ``streamInfo(_:leader:)``, but the log of a topic that only Kafka has used is not read for
    /// it: what its records are is not known then.
    public func shortStreamInfo(_ log: PartitionLog) -> StreamInfo {
        if log.view != nil { return streamInfo(log, leader: nil) }
        var state = StreamState()
        state.messages = UInt64(max(0, log.endOffset.value - log.startOffset.value))
        state.bytes = UInt64(max(0, byteCount(of: log)))
        state.firstSequence = state.messages > 0 ? StreamSequence(log.startOffset).value : 0
        state.lastSequence = UInt64(max(0, log.endOffset.value))
        let now = loop.now
        guard let place = catalog.place(of: log.id), let stream = catalog[place.stream] else {
            return StreamInfo(
                config: StreamConfig(), created: now, state: state, leader: nil, now: now)
        }
        return StreamInfo(
            config: streamConfig(of: stream, partition: log.partition), created: stream.created,
            state: state, leader: nil, now: now)
    }

    /// A partition of a topic, as Kafka sees it.
    public struct PartitionReport: Sendable {
        public var topic: String
        public var partition: Int
        public var startOffset: Int64
        public var endOffset: Int64
        public var byteCount: Int64
    }

    /// All partitions of all topics that Kafka sees, by name.
    public var partitionReports: [PartitionReport] {
        catalog.streams.values.sorted { $0.name < $1.name }.flatMap { stream in
            guard let topic = stream.topicName else { return [PartitionReport]() }
            return stream.logs.enumerated().compactMap { partition, id in
                logs[id].map {
                    PartitionReport(
                        topic: topic, partition: partition, startOffset: $0.startOffset.value,
                        endOffset: $0.readableEnd.value, byteCount: byteCount(of: $0))
                }
            }
        }
    }
}
