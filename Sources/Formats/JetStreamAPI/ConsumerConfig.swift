import JSON
import Model

/// Which messages a consumer gets, how it gets them and what counts as done.
///
/// Durations are nanoseconds. Source: nats-server's `ConsumerConfig`; field order in JSON is the server's.
public struct ConsumerConfig: Equatable, Sendable {
    public enum DeliverPolicy: String, RequestChoice {
        case all, last, new
        case byStartSequence = "by_start_sequence"
        case byStartTime = "by_start_time"
        case lastPerSubject = "last_per_subject"
    }
    public enum AckPolicy: String, RequestChoice {
        case none, all, explicit
        case flowControl = "flow_control"
    }
    public enum ReplayPolicy: String, RequestChoice { case instant, original }

    public var durableName = ""
    public var name = ""
    public var description = ""
    public var deliverPolicy = DeliverPolicy.all
    public var startSequence: UInt64 = 0
    public var startTime: Timestamp?
    public var ackPolicy = AckPolicy.none
    public var ackWait: Int64 = 0
    public var maxDeliver = 0
    public var backoff: [Int64] = []
    public var filterSubject = ""
    public var filterSubjects: [String] = []
    public var replayPolicy = ReplayPolicy.instant
    public var rateLimit: UInt64 = 0
    public var sampleFrequency = ""
    public var maxWaiting = 0
    public var maxAckPending = 0
    public var flowControl = false
    public var headersOnly = false
    public var maxBatch = 0
    public var maxExpires: Int64 = 0
    public var maxBytes = 0
    public var deliverSubject = ""
    public var deliverGroup = ""
    public var idleHeartbeat: Int64 = 0
    public var inactiveThreshold: Int64 = 0
    public var replicas = 0
    public var memoryStorage = false
    public var direct = false
    public var metadata: [String: String] = [:]
    public var pauseUntil: Timestamp?

    public init() {}

    public var isPush: Bool { !deliverSubject.isEmpty }
    public var isDurable: Bool { !durableName.isEmpty }

    /// The filters in force; none means every subject.
    public var filters: [String] { filterSubject.isEmpty ? filterSubjects : [filterSubject] }
}

/// `CONSUMER.CREATE`: the configuration, the stream and what to do about an existing consumer.
public struct CreateConsumerRequest: Equatable, Sendable {
    public enum Action: String, RequestChoice {
        case createOrUpdate = "", create, update
        public static func unknownText(_ value: JSONValue) -> String {
            "unknown consumer action: \"\(value.string ?? "")\""
        }
    }

    public var stream = ""
    public var config = ConsumerConfig()
    public var action = Action.createOrUpdate
    public var pedantic = false
    public var priorityGroups: [String] = []
    public var priorityPolicy = ""
    public var priorityTimeout: Int64 = 0

    /// - Throws: 10025.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        for field in try RequestField.all(in: payload, type: "CreateConsumerRequest") {
            switch field.name {
            case "stream_name": try field.set(&stream)
            case "action": try field.set(&action)
            case "pedantic": try field.set(&pedantic)
            case "config": for member in try field.object() ?? [] { try takeConfig(member) }
            default: throw field.unknown
            }
        }
    }

    fileprivate init(config value: JSONValue) throws(JetStreamError) {
        for field in try RequestField.all(in: value, type: "ConsumerConfig") {
            try takeConfig(field)
        }
    }

    private mutating func takeConfig(_ field: RequestField) throws(JetStreamError) {
        switch field.name {
        case "durable_name": try field.set(&config.durableName)
        case "name": try field.set(&config.name)
        case "description": try field.set(&config.description)
        case "deliver_policy": try field.set(&config.deliverPolicy)
        case "opt_start_seq": try field.set(&config.startSequence)
        case "opt_start_time": try field.set(&config.startTime)
        case "ack_policy": try field.set(&config.ackPolicy)
        case "ack_wait": try field.setDuration(&config.ackWait)
        case "max_deliver": try field.set(&config.maxDeliver)
        case "backoff": try field.setDurations(&config.backoff)
        case "filter_subject": try field.set(&config.filterSubject)
        case "filter_subjects": try field.set(&config.filterSubjects)
        case "replay_policy": try field.set(&config.replayPolicy)
        case "rate_limit_bps": try field.set(&config.rateLimit)
        case "sample_freq": try field.set(&config.sampleFrequency)
        case "max_waiting": try field.set(&config.maxWaiting)
        case "max_ack_pending": try field.set(&config.maxAckPending)
        case "flow_control": try field.set(&config.flowControl)
        case "headers_only": try field.set(&config.headersOnly)
        case "max_batch": try field.set(&config.maxBatch)
        case "max_expires": try field.setDuration(&config.maxExpires)
        case "max_bytes": try field.set(&config.maxBytes)
        case "deliver_subject": try field.set(&config.deliverSubject)
        case "deliver_group": try field.set(&config.deliverGroup)
        case "idle_heartbeat": try field.setDuration(&config.idleHeartbeat)
        case "inactive_threshold": try field.setDuration(&config.inactiveThreshold)
        case "num_replicas": try field.set(&config.replicas)
        case "mem_storage": try field.set(&config.memoryStorage)
        case "direct": try field.set(&config.direct)
        case "metadata": try field.set(&config.metadata)
        case "pause_until": try field.set(&config.pauseUntil)
        case "priority_groups": try field.set(&priorityGroups)
        case "priority_policy":
            try field.set(&priorityPolicy)
            guard ["", "none", "overflow", "pinned_client", "prioritized"].contains(priorityPolicy)
            else { throw .invalidJSON("unknown priority policy: \"\(priorityPolicy)\"") }
        case "priority_timeout": try field.setDuration(&priorityTimeout)
        default: throw field.unknown
        }
    }
}

extension ConsumerConfig {
    /// Reads back what ``write(to:)`` wrote.
    public init(json: JSONValue) throws(JetStreamError) {
        self = try CreateConsumerRequest(config: json).config
    }

    public func write(to json: inout JSONWriter) {
        json.beginObject()
        if !durableName.isEmpty { json.field("durable_name", durableName) }
        if !name.isEmpty { json.field("name", name) }
        if !description.isEmpty { json.field("description", description) }
        json.field("deliver_policy", deliverPolicy.rawValue)
        if startSequence > 0 { json.field("opt_start_seq", startSequence) }
        if let startTime { json.field("opt_start_time", startTime.rfc3339) }
        json.field("ack_policy", ackPolicy.rawValue)
        if ackWait != 0 { json.field("ack_wait", ackWait) }
        if maxDeliver != 0 { json.field("max_deliver", maxDeliver) }
        if !backoff.isEmpty {
            json.name("backoff")
            json.beginArray()
            for step in backoff { json.value(step) }
            json.endArray()
        }
        if !filterSubject.isEmpty { json.field("filter_subject", filterSubject) }
        if !filterSubjects.isEmpty { json.strings("filter_subjects", filterSubjects) }
        json.field("replay_policy", replayPolicy.rawValue)
        if rateLimit > 0 { json.field("rate_limit_bps", rateLimit) }
        if !sampleFrequency.isEmpty { json.field("sample_freq", sampleFrequency) }
        if maxWaiting != 0 { json.field("max_waiting", maxWaiting) }
        if maxAckPending != 0 { json.field("max_ack_pending", maxAckPending) }
        if flowControl { json.field("flow_control", true) }
        if headersOnly { json.field("headers_only", true) }
        if maxBatch != 0 { json.field("max_batch", maxBatch) }
        if maxExpires != 0 { json.field("max_expires", maxExpires) }
        if maxBytes != 0 { json.field("max_bytes", maxBytes) }
        if !deliverSubject.isEmpty { json.field("deliver_subject", deliverSubject) }
        if !deliverGroup.isEmpty { json.field("deliver_group", deliverGroup) }
        if idleHeartbeat != 0 { json.field("idle_heartbeat", idleHeartbeat) }
        if inactiveThreshold != 0 { json.field("inactive_threshold", inactiveThreshold) }
        json.field("num_replicas", replicas)
        if memoryStorage { json.field("mem_storage", true) }
        if direct { json.field("direct", true) }
        json.pairs("metadata", metadata)
        if let pauseUntil { json.field("pause_until", pauseUntil.rfc3339) }
        json.endObject()
    }
}
