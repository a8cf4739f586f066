import JSON
import Model

/// What a stream keeps, for how long, and what may be done to it.
///
/// Durations are nanoseconds. -1 means "no limit" for the limits that have it as their default.
/// Source: nats-server's `StreamConfig`; field order in JSON is the server's.
public struct StreamConfig: Equatable, Sendable {
    public enum Retention: String, RequestChoice { case limits, interest, workqueue }
    public enum Discard: String, RequestChoice { case old, new }
    public enum Storage: String, RequestChoice { case file, memory }
    public enum Persistence: String, RequestChoice { case standard = "default", async }
    public enum Compression: String, RequestChoice {
        case none, s2
        public static func unknownText(_: JSONValue) -> String { "unknown compression algorithm" }
    }
    public struct Placement: Equatable, Sendable {
        public var cluster = ""
        public var tags: [String] = []
        public var preferred = ""
    }
    public struct ConsumerLimits: Equatable, Sendable {
        public var inactiveThreshold: Int64 = 0
        public var maxAckPending = 0
        public init() {}
    }

    public var name = ""
    public var description = ""
    public var subjects: [String] = []
    public var retention = Retention.limits
    public var maxConsumers = 0
    public var maxMessages: Int64 = 0
    public var maxBytes: Int64 = 0
    public var maxAge: Int64 = 0
    public var maxMessagesPerSubject: Int64 = 0
    public var maxMessageSize: Int32 = 0
    public var discard = Discard.old
    public var storage = Storage.file
    public var replicas = 0
    public var noAck = false
    public var duplicateWindow: Int64 = 0
    public var placement: Placement?
    public var compression = Compression.none
    public var firstSequence: UInt64 = 0
    public var allowDirect = false
    public var mirrorDirect = false
    public var discardNewPerSubject = false
    public var sealed = false
    public var denyDelete = false
    public var denyPurge = false
    public var allowRollup = false
    public var consumerLimits = ConsumerLimits()
    public var allowMessageTTL = false
    public var persistence = Persistence.standard
    public var metadata: [String: String] = [:]

    public init() {}

    /// A configuration with the defaults that a create request with only these two gets.
    public init(name: String, subjects: [String] = []) {
        self.name = name
        self.subjects = subjects
        fillDefaults()
    }
}

/// A create or update request: the configuration, and what is asked of this server about it.
public struct StreamConfigRequest: Equatable, Sendable {
    public var config = StreamConfig()
    public var pedantic = false
    /// Names of the features that the request turns on and this server does not have.
    public var unsupported: [String] = []

    /// - Throws: 10025.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        for field in try RequestField.all(in: payload, type: "StreamConfigRequest") {
            try take(field)
        }
    }

    public init(_ value: JSONValue) throws(JetStreamError) {
        for field in try RequestField.all(in: value, type: "StreamConfigRequest") {
            try take(field)
        }
    }

    private mutating func take(_ field: RequestField) throws(JetStreamError) {
        switch field.name {
        case "name": try field.set(&config.name)
        case "description": try field.set(&config.description)
        case "subjects": try field.set(&config.subjects)
        case "retention": try field.set(&config.retention)
        case "max_consumers": try field.set(&config.maxConsumers)
        case "max_msgs": try field.set(&config.maxMessages)
        case "max_bytes": try field.set(&config.maxBytes)
        case "max_age": try field.setDuration(&config.maxAge)
        case "max_msgs_per_subject": try field.set(&config.maxMessagesPerSubject)
        case "max_msg_size": try field.set(&config.maxMessageSize)
        case "discard": try field.set(&config.discard)
        case "storage": try field.set(&config.storage)
        case "num_replicas": try field.set(&config.replicas)
        case "no_ack": try field.set(&config.noAck)
        case "duplicate_window": try field.setDuration(&config.duplicateWindow)
        case "placement": config.placement = try placement(field)
        case "mirror", "subject_transform", "republish":
            if try field.object() != nil { unsupported.append(field.name) }
        case "sources": if try !field.objects().isEmpty { unsupported.append(field.name) }
        case "compression": try field.set(&config.compression)
        case "first_seq": try field.set(&config.firstSequence)
        case "allow_direct": try field.set(&config.allowDirect)
        case "mirror_direct": try field.set(&config.mirrorDirect)
        case "discard_new_per_subject": try field.set(&config.discardNewPerSubject)
        case "sealed": try field.set(&config.sealed)
        case "deny_delete": try field.set(&config.denyDelete)
        case "deny_purge": try field.set(&config.denyPurge)
        case "allow_rollup_hdrs": try field.set(&config.allowRollup)
        case "consumer_limits": try takeLimits(field)
        case "allow_msg_ttl": try field.set(&config.allowMessageTTL)
        case "allow_msg_counter", "allow_atomic", "allow_batched",
            "allow_msg_schedules":
            var wanted = false
            try field.set(&wanted)
            if wanted { unsupported.append(field.name) }
        case "subject_delete_marker_ttl":
            var duration: Int64 = 0
            try field.setDuration(&duration)
            if duration != 0 { unsupported.append(field.name) }
        case "persist_mode": try field.set(&config.persistence)
        case "metadata": try field.set(&config.metadata)
        case "pedantic": try field.set(&pedantic)
        default: throw field.unknown
        }
    }

    private func placement(
        _ field: RequestField
    ) throws(JetStreamError) -> StreamConfig.Placement? {
        guard let members = try field.object() else { return nil }
        var placement = StreamConfig.Placement()
        for member in members {
            switch member.name {
            case "cluster": try member.set(&placement.cluster)
            case "tags": try member.set(&placement.tags)
            case "preferred": try member.set(&placement.preferred)
            default: throw member.unknown
            }
        }
        return placement
    }

    private mutating func takeLimits(_ field: RequestField) throws(JetStreamError) {
        for member in try field.object() ?? [] {
            switch member.name {
            case "inactive_threshold":
                try member.setDuration(&config.consumerLimits.inactiveThreshold)
            case "max_ack_pending": try member.set(&config.consumerLimits.maxAckPending)
            default: throw member.unknown
            }
        }
    }
}

extension StreamConfig {
    /// Reads back what ``write(to:)`` wrote.
    public init(json: JSONValue) throws(JetStreamError) {
        self = try StreamConfigRequest(json).config
    }

    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("name", name)
        if !description.isEmpty { json.field("description", description) }
        if !subjects.isEmpty { json.strings("subjects", subjects) }
        json.field("retention", retention.rawValue)
        json.field("max_consumers", maxConsumers)
        json.field("max_msgs", maxMessages)
        json.field("max_bytes", maxBytes)
        json.field("max_age", maxAge)
        json.field("max_msgs_per_subject", maxMessagesPerSubject)
        json.field("max_msg_size", maxMessageSize)
        json.field("discard", discard.rawValue)
        json.field("storage", storage.rawValue)
        json.field("num_replicas", replicas)
        if noAck { json.field("no_ack", true) }
        if duplicateWindow != 0 { json.field("duplicate_window", duplicateWindow) }
        if let placement {
            json.name("placement")
            json.beginObject()
            if !placement.cluster.isEmpty { json.field("cluster", placement.cluster) }
            if !placement.tags.isEmpty { json.strings("tags", placement.tags) }
            json.endObject()
        }
        json.field("compression", compression.rawValue)
        if firstSequence > 0 { json.field("first_seq", firstSequence) }
        json.field("allow_direct", allowDirect)
        json.field("mirror_direct", mirrorDirect)
        if discardNewPerSubject { json.field("discard_new_per_subject", true) }
        json.field("sealed", sealed)
        json.field("deny_delete", denyDelete)
        json.field("deny_purge", denyPurge)
        json.field("allow_rollup_hdrs", allowRollup)
        json.name("consumer_limits")
        json.beginObject()
        if consumerLimits.inactiveThreshold != 0 {
            json.field("inactive_threshold", consumerLimits.inactiveThreshold)
        }
        if consumerLimits.maxAckPending != 0 {
            json.field("max_ack_pending", consumerLimits.maxAckPending)
        }
        json.endObject()
        json.field("allow_msg_ttl", allowMessageTTL)
        if persistence != .standard { json.field("persist_mode", persistence.rawValue) }
        json.pairs("metadata", metadata)
        json.endObject()
    }
}

extension JSONWriter {
    mutating func strings(_ name: String, _ values: [String]) {
        self.name(name)
        beginArray()
        for text in values { value(text) }
        endArray()
    }

    /// A map of strings, its names in order; nothing at all if it is empty.
    mutating func pairs(_ name: String, _ values: [String: String]) {
        guard !values.isEmpty else { return }
        self.name(name)
        beginObject()
        for (key, text) in values.sorted(by: { $0.key < $1.key }) { field(key, text) }
        endObject()
    }
}
