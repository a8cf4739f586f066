import Bytes
import JSON

/// What a client asks of a pull consumer: the body of `CONSUMER.MSG.NEXT`.
///
/// Durations are nanoseconds. Source: nats-architecture-and-design ADR-13.
public struct PullRequest: Equatable, Sendable {
    public var batch = 1
    /// 0 for a request that waits for as long as somebody listens.
    public var expires: Int64 = 0
    public var noWait = false
    /// 0 for no limit.
    public var maxBytes = 0
    public var idleHeartbeat: Int64 = 0
    public var group = ""
    public var minPending: Int64 = 0
    public var minAckPending: Int64 = 0
    public var priority = 0

    public init() {}

    /// An empty body asks for one message, a bare number for so many; else it is JSON, of which unknown members are
    /// ignored.
    ///
    /// - Throws: the reason that follows `400 Bad Request - `.
    public init(_ body: RawSpan) throws(PullRequestError) {
        guard body.byteCount > 0 else { return }
        guard body[0] == UInt8(ascii: "{") else {
            let text = String(repairingUTF8: body)
            batch = max(1, Int(text) ?? 1)
            return
        }
        let members: [JSONMember]
        do {
            members = try JSONValue.parse(body).object ?? []
        } catch {
            throw PullRequestError(reason: error.description)
        }
        do {
            for member in members {
                let field = RequestField(
                    name: member.name, value: member.value, path: "." + member.name)
                try take(field)
            }
        } catch {
            throw PullRequestError(
                reason: String(error.description.dropFirst("invalid JSON: ".count)))
        }
        try check()
    }

    private mutating func take(_ field: RequestField) throws(JetStreamError) {
        switch field.name {
        case "batch": try field.set(&batch)
        case "expires": try field.setDuration(&expires)
        case "no_wait": try field.set(&noWait)
        case "max_bytes": try field.set(&maxBytes)
        case "idle_heartbeat": try field.setDuration(&idleHeartbeat)
        case "group": try field.set(&group)
        case "min_pending": try field.set(&minPending)
        case "min_ack_pending": try field.set(&minAckPending)
        case "priority": try field.set(&priority)
        default: break
        }
    }

    private mutating func check() throws(PullRequestError) {
        batch = max(1, batch)
        maxBytes = max(0, maxBytes)
        if idleHeartbeat < 0 || (idleHeartbeat > 0 && idleHeartbeat > expires / 2) {
            throw PullRequestError(reason: "heartbeat value too large")
        }
        if priority < 0 || priority > 9 {
            throw PullRequestError(reason: "Priority must be between 0 and 9")
        }
        if minPending > 0 || minAckPending > 0 {
            throw PullRequestError(reason: "Not a Overflow Priority consumer")
        }
    }
}

public struct PullRequestError: Error, Equatable, Sendable {
    public var reason: String

    public init(reason: String) { self.reason = reason }
}
