import Bytes
import JSON
import Model
import Subjects

/// Which streams, topics and consumers exist, with what configuration.
///
/// `decide…` says what would change and why not; ``apply(_:)`` alone changes it, live and in recovery.
public struct CatalogMachine: Sendable {
    public private(set) var streams: [StreamID: StreamEntry] = [:]
    /// The account whose streams are Kafka's topics.
    public let kafkaAccount: String
    /// What JetStream calls each log that it can see, by account.
    private var logsByStreamName: [String: [String: LogID]] = [:]
    private var streamsByTopicName: [String: StreamID] = [:]
    private var streamsByCollisionName: [String: StreamID] = [:]
    private var streamsByTopicID: [TopicID: StreamID] = [:]
    private var places: [LogID: Place] = [:]
    /// Each stream's subjects, ready to be compared.
    private var filters: [StreamID: [SubjectFilter]] = [:]
    private var consumers: [LogID: [String: ConsumerEntry]] = [:]
    private var nextStreamID = StreamID(1)
    private var nextLogID = LogID(1)

    /// Which partition of which stream a log is.
    public struct Place: Hashable, Sendable {
        public var stream: StreamID
        public var partition: Int
    }

    /// Why the catalog does not change.
    public enum Refusal: Error, Equatable, Sendable {
        /// A stream or topic of that name is there; its id.
        case nameExists(StreamID)
        /// A topic's name differs from `existing` only in `.` and `_`, or JetStream uses its name.
        case nameCollides(existing: String)
        case illegalTopicName(String)
        case badPartitionCount(Int)
        /// A subject that `stream` captures would be captured twice.
        case subjectsOverlap(stream: String)
        case badSubject(String)
        case noSuchStream
        case noSuchConsumer
        /// JetStream streams have one log, and topics with JetStream consumers keep their partitions.
        case partitionsAreFixed(String)
    }

    public init(kafkaAccount: String = StreamNaming.globalAccount) {
        self.kafkaAccount = kafkaAccount
    }

    // MARK: Snapshots

    /// Every record that an empty catalog needs to become this one, but for ``nextIDs``.
    public var records: [CatalogRecord] {
        var records: [CatalogRecord] = []
        for stream in streams.values.sorted(by: { $0.id < $1.id }) {
            records.append(
                .streamCreated(
                    .init(
                        id: stream.id, account: stream.account, origin: stream.origin, name: stream.name,
                        topicID: stream.topicID, created: stream.created,
                        keyPrefix: stream.keyPrefix, subjects: stream.subjects, logs: stream.logs,
                        streamConfig: stream.streamConfig, topicConfig: stream.topicConfig)))
        }
        for (log, consumers) in consumers.sorted(by: { $0.key < $1.key }) {
            for consumer in consumers.values.sorted(by: { $0.name < $1.name }) {
                records.append(
                    .consumerCreated(
                        log, name: consumer.name, created: consumer.created,
                        config: consumer.config))
            }
        }
        return records
    }

    /// What the next stream and the next log will be called. Ids of what was deleted are not given again.
    public var nextIDs: (stream: StreamID, log: LogID) { (nextStreamID, nextLogID) }

    /// In recovery: ids below were given out before.
    public mutating func skipIDs(below stream: StreamID, _ log: LogID) {
        nextStreamID = max(nextStreamID, stream)
        nextLogID = max(nextLogID, log)
    }

    // MARK: Looking up

    public subscript(id: StreamID) -> StreamEntry? { streams[id] }

    public func stream(topicName: String) -> StreamEntry? {
        streamsByTopicName[topicName].flatMap { streams[$0] }
    }

    public func stream(topicID: TopicID) -> StreamEntry? {
        streamsByTopicID[topicID].flatMap { streams[$0] }
    }

    /// The log that JetStream calls `streamName`.
    public func log(
        streamName: String, in account: String = StreamNaming.globalAccount
    ) -> LogID? {
        logsByStreamName[account]?[streamName]
    }

    public func place(of log: LogID) -> Place? { places[log] }

    /// Whether the stream takes messages of `subject`.
    public func captures(_ subject: RawSpan, by id: StreamID) -> Bool {
        filters[id]?.contains { $0.matches(subject) } ?? false
    }

    /// What JetStream calls the streams it sees, in alphabetical order.
    public func streamNames(in account: String = StreamNaming.globalAccount) -> [String] {
        logsByStreamName[account]?.keys.sorted() ?? []
    }

    /// The accounts that have streams, in alphabetical order.
    public var accounts: [String] { logsByStreamName.keys.sorted() }

    public func consumer(_ name: String, on log: LogID) -> ConsumerEntry? { consumers[log]?[name] }

    /// The consumers of `log` in alphabetical order.
    public func consumers(on log: LogID) -> [ConsumerEntry] {
        (consumers[log] ?? [:]).values.sorted { $0.name < $1.name }
    }

    public func consumerCount(on log: LogID) -> Int { consumers[log]?.count ?? 0 }

    // MARK: Deciding

    /// A new JetStream stream. `config` has been validated and completed by the JetStream side.
    public func decideCreateStream(
        account: String = StreamNaming.globalAccount, name: String, subjects: [String],
        keyPrefix: String, config: JSONValue, topicID: TopicID, now: Timestamp
    ) throws(Refusal) -> CatalogRecord {
        if let log = log(streamName: name, in: account), let place = places[log] {
            throw .nameExists(place.stream)
        }
        if account == kafkaAccount,
            let other = streamsByCollisionName[StreamNaming.collisionName(name)]
        {
            throw .nameCollides(existing: streams[other]?.name ?? name)
        }
        try checkOverlap(subjects, of: account, except: nil)
        return .streamCreated(
            .init(
                id: nextStreamID, account: account, origin: .jetStream, name: name, topicID: topicID, created: now,
                keyPrefix: keyPrefix, subjects: subjects, logs: [nextLogID], streamConfig: config,
                topicConfig: [:]))
    }

    /// - Parameter subject: the subject of the topic's records without a key; its others lie below it.
    public func decideCreateTopic(
        name: String, partitionCount: Int, subject: String, config: [String: String],
        topicID: TopicID, now: Timestamp
    ) throws(Refusal) -> CatalogRecord {
        guard StreamNaming.isLegalTopicName(name) else { throw .illegalTopicName(name) }
        guard (1...Self.partitionLimit).contains(partitionCount) else {
            throw .badPartitionCount(partitionCount)
        }
        if let existing = streamsByTopicName[name] { throw .nameExists(existing) }
        let collisionName = StreamNaming.collisionName(name)
        if let other = streamsByCollisionName[collisionName] {
            throw .nameCollides(existing: streams[other]?.name ?? name)
        }
        for partition in 0..<partitionCount {
            let streamName = StreamNaming.streamName(
                topic: name, partition: partition, of: partitionCount)
            if log(streamName: streamName, in: kafkaAccount) != nil {
                throw .nameCollides(existing: streamName)
            }
        }
        guard isLiteralSubject(subject) else { throw .badSubject(subject) }
        let subjects = [subject, "\(subject).>"]
        try checkOverlap(subjects, of: kafkaAccount, except: nil)
        return .streamCreated(
            .init(
                id: nextStreamID, account: kafkaAccount, origin: .kafka, name: name, topicID: topicID, created: now,
                keyPrefix: subject, subjects: subjects, logs: newLogs(partitionCount),
                streamConfig: .object([]), topicConfig: config))
    }

    public func decideUpdateStream(
        _ id: StreamID, subjects: [String], config: JSONValue
    ) throws(Refusal) -> CatalogRecord {
        guard let stream = streams[id] else { throw .noSuchStream }
        try checkOverlap(subjects, of: stream.account, except: id)
        return .streamUpdated(id, subjects: subjects, streamConfig: config)
    }

    public func decideConfigureTopic(
        _ id: StreamID, config: [String: String]
    ) throws(Refusal) -> CatalogRecord {
        guard streams[id] != nil else { throw .noSuchStream }
        return .topicConfigured(id, config: config)
    }

    public func decideAddPartitions(
        _ id: StreamID, newTotal: Int
    ) throws(Refusal) -> CatalogRecord {
        guard let stream = streams[id] else { throw .noSuchStream }
        guard newTotal > stream.partitionCount, newTotal <= Self.partitionLimit else {
            throw .badPartitionCount(newTotal)
        }
        if stream.origin == .jetStream {
            throw .partitionsAreFixed("\(stream.name) was made by JetStream, whose streams have one log")
        }
        if stream.logs.contains(where: { consumerCount(on: $0) > 0 }) {
            throw .partitionsAreFixed("JetStream consumers read \(stream.name)")
        }
        return .partitionsAdded(id, logs: newLogs(newTotal - stream.partitionCount))
    }

    public func decideDeleteStream(_ id: StreamID) throws(Refusal) -> CatalogRecord {
        guard streams[id] != nil else { throw .noSuchStream }
        return .streamDeleted(id)
    }

    public func decideCreateConsumer(
        _ name: String, on log: LogID, config: JSONValue, now: Timestamp
    ) throws(Refusal) -> CatalogRecord {
        guard let place = places[log] else { throw .noSuchStream }
        if consumers[log]?[name] != nil { throw .nameExists(place.stream) }
        return .consumerCreated(log, name: name, created: now, config: config)
    }

    public func decideUpdateConsumer(
        _ name: String, on log: LogID, config: JSONValue
    ) throws(Refusal) -> CatalogRecord {
        guard consumers[log]?[name] != nil else { throw .noSuchConsumer }
        return .consumerUpdated(log, name: name, config: config)
    }

    public func decideDeleteConsumer(
        _ name: String, on log: LogID
    ) throws(Refusal) -> CatalogRecord {
        guard consumers[log]?[name] != nil else { throw .noSuchConsumer }
        return .consumerDeleted(log, name: name)
    }

    /// How many partitions a topic may have.
    public static let partitionLimit = 10_000

    private func newLogs(_ count: Int) -> [LogID] {
        (0..<UInt32(count)).map { LogID(nextLogID.value + $0) }
    }

    private func checkOverlap(
        _ subjects: [String], of account: String, except own: StreamID?
    ) throws(Refusal) {
        for subject in subjects {
            guard let ours = SubjectFilter(subject) else { throw .badSubject(subject) }
            for (id, filters) in filters where id != own && streams[id]?.account == account {
                if filters.contains(where: { $0.overlaps(ours) }) {
                    throw .subjectsOverlap(stream: streams[id]?.name ?? "")
                }
            }
        }
    }

    // MARK: Applying

    public mutating func apply(_ record: CatalogRecord) {
        switch record {
        case .streamCreated(let new):
            insert(new)
        case .streamUpdated(let id, let subjects, let config):
            guard streams[id] != nil else { return }
            streams[id]?.subjects = subjects
            filters[id] = subjects.compactMap { SubjectFilter($0) }
            streams[id]?.streamConfig = config
        case .topicConfigured(let id, let config):
            streams[id]?.topicConfig = config
        case .partitionsAdded(let id, let logs):
            guard var stream = streams[id] else { return }
            forgetNames(of: stream)
            stream.logs += logs
            streams[id] = stream
            rememberNames(of: stream)
        case .streamDeleted(let id):
            guard let stream = streams.removeValue(forKey: id) else { return }
            forgetNames(of: stream)
            filters[id] = nil
            for log in stream.logs { consumers[log] = nil }
        case .consumerCreated(let log, let name, let created, let config):
            guard places[log] != nil else { return }
            consumers[log, default: [:]][name] = ConsumerEntry(
                log: log, name: name, created: created, config: config)
        case .consumerUpdated(let log, let name, let config):
            consumers[log]?[name]?.config = config
        case .consumerDeleted(let log, let name):
            consumers[log]?[name] = nil
        }
    }

    private mutating func insert(_ new: CatalogRecord.NewStream) {
        let stream = StreamEntry(
            id: new.id, account: new.account, origin: new.origin, name: new.name,
            topicID: new.topicID, created: new.created, keyPrefix: new.keyPrefix,
            isInKafka: new.account == kafkaAccount, subjects: new.subjects, logs: new.logs,
            streamConfig: new.streamConfig, topicConfig: new.topicConfig)
        streams[new.id] = stream
        filters[new.id] = new.subjects.compactMap { SubjectFilter($0) }
        rememberNames(of: stream)
        nextStreamID = StreamID(max(nextStreamID.value, new.id.value + 1))
    }

    private mutating func rememberNames(of stream: StreamEntry) {
        for (partition, log) in stream.logs.enumerated() {
            places[log] = Place(stream: stream.id, partition: partition)
            let name = stream.streamName(ofPartition: partition)
            logsByStreamName[stream.account, default: [:]][name] = log
            nextLogID = LogID(max(nextLogID.value, log.value + 1))
        }
        guard let topicName = stream.topicName else { return }
        streamsByTopicName[topicName] = stream.id
        streamsByCollisionName[StreamNaming.collisionName(topicName)] = stream.id
        streamsByTopicID[stream.topicID] = stream.id
    }

    private mutating func forgetNames(of stream: StreamEntry) {
        for (partition, log) in stream.logs.enumerated() {
            places[log] = nil
            logsByStreamName[stream.account]?[stream.streamName(ofPartition: partition)] = nil
        }
        if logsByStreamName[stream.account]?.isEmpty == true {
            logsByStreamName[stream.account] = nil
        }
        guard let topicName = stream.topicName else { return }
        streamsByTopicName[topicName] = nil
        streamsByCollisionName[StreamNaming.collisionName(topicName)] = nil
        streamsByTopicID[stream.topicID] = nil
    }
}
