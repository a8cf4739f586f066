import JSON
import Model

/// What JetStream tells whoever listens on `$JS.EVENT.ADVISORY.…`.
public enum Advisory: Equatable, Sendable {
    public enum Action: String, Sendable { case create, modify, delete }

    case stream(Action, stream: String)
    case consumer(Action, stream: String, consumer: String)
    case maxDeliveries(stream: String, consumer: String, sequence: UInt64, deliveries: UInt64)
    case terminated(
        stream: String, consumer: String, consumerSequence: UInt64, sequence: UInt64,
        deliveries: UInt64, reason: String)
    case refused(
        stream: String, consumer: String, consumerSequence: UInt64, sequence: UInt64,
        deliveries: UInt64)
    case paused(stream: String, consumer: String, until: Timestamp?, isPaused: Bool)
    case audited(APIAudit)

    public var subject: String {
        let root = "$JS.EVENT.ADVISORY."
        return switch self {
        case .stream(let action, let stream): root + "STREAM.\(action.verb).\(stream)"
        case .consumer(let action, let stream, let consumer):
            root + "CONSUMER.\(action.verb).\(stream).\(consumer)"
        case .maxDeliveries(let stream, let consumer, _, _):
            root + "CONSUMER.MAX_DELIVERIES.\(stream).\(consumer)"
        case .terminated(let stream, let consumer, _, _, _, _):
            root + "CONSUMER.MSG_TERMINATED.\(stream).\(consumer)"
        case .refused(let stream, let consumer, _, _, _):
            root + "CONSUMER.MSG_NAKED.\(stream).\(consumer)"
        case .paused(let stream, let consumer, _, _):
            root + "CONSUMER.PAUSE.\(stream).\(consumer)"
        case .audited: root + "API"
        }
    }

    /// - Parameter id: 22 characters that no other advisory has.
    public func body(id: String, now: Timestamp) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("type", "io.nats.jetstream.advisory.v1.\(kind)")
        json.field("id", id)
        json.field("timestamp", now.rfc3339)
        switch self {
        case .stream(let action, let stream):
            json.field("stream", stream)
            json.field("action", action.rawValue)
        case .consumer(let action, let stream, let consumer):
            json.field("stream", stream)
            json.field("consumer", consumer)
            json.field("action", action.rawValue)
        case .maxDeliveries(let stream, let consumer, let sequence, let deliveries):
            json.field("stream", stream)
            json.field("consumer", consumer)
            json.field("stream_seq", sequence)
            json.field("deliveries", deliveries)
        case .terminated(
            let stream, let consumer, let own, let sequence, let deliveries, let reason):
            json.field("stream", stream)
            json.field("consumer", consumer)
            json.field("consumer_seq", own)
            json.field("stream_seq", sequence)
            json.field("deliveries", deliveries)
            if !reason.isEmpty { json.field("reason", reason) }
        case .refused(let stream, let consumer, let own, let sequence, let deliveries):
            json.field("stream", stream)
            json.field("consumer", consumer)
            json.field("consumer_seq", own)
            json.field("stream_seq", sequence)
            json.field("deliveries", deliveries)
        case .paused(let stream, let consumer, let until, let isPaused):
            json.field("stream", stream)
            json.field("consumer", consumer)
            json.field("paused", isPaused)
            json.field("pause_until", until?.rfc3339 ?? Timestamp.zeroText)
        case .audited(let audit):
            json.field("server", audit.server)
            json.name("client")
            json.literal(String(decoding: audit.client, as: UTF8.self))
            json.field("subject", audit.requestSubject)
            if !audit.request.isEmpty { json.field("request", audit.request) }
            json.field("response", audit.response)
            if !audit.domain.isEmpty { json.field("domain", audit.domain) }
        }
        json.endObject()
        return json.bytes
    }

    private var kind: String {
        switch self {
        case .stream: "stream_action"
        case .consumer: "consumer_action"
        case .maxDeliveries: "max_deliver"
        case .terminated: "terminated"
        case .refused: "nak"
        case .paused: "consumer_pause"
        case .audited: "api_audit"
        }
    }
}

extension Advisory.Action {
    fileprivate var verb: String {
        switch self {
        case .create: "CREATED"
        case .modify: "UPDATED"
        case .delete: "DELETED"
        }
    }
}
