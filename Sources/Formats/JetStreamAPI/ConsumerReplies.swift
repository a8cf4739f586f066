import JSON
import Model

/// How far a consumer is, in its own count and in the stream's.
public struct SequencePair: Equatable, Sendable {
    public var consumer: UInt64
    public var stream: UInt64
    public var lastActive: Timestamp?

    public init(consumer: UInt64 = 0, stream: UInt64 = 0, lastActive: Timestamp? = nil) {
        self.consumer = consumer
        self.stream = stream
        self.lastActive = lastActive
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("consumer_seq", consumer)
        json.field("stream_seq", stream)
        if let lastActive { json.field("last_active", lastActive.rfc3339) }
        json.endObject()
    }
}

/// A consumer as answers show it.
public struct ConsumerInfo: Equatable, Sendable {
    public var stream: String
    public var name: String
    public var created: Timestamp
    public var config: ConsumerConfig
    public var delivered = SequencePair()
    public var ackFloor = SequencePair()
    public var ackPendingCount = 0
    public var redeliveredCount = 0
    public var waitingCount = 0
    public var pendingCount: UInt64 = 0
    public var isPushBound = false
    public var now: Timestamp

    public init(
        stream: String, name: String, created: Timestamp, config: ConsumerConfig, now: Timestamp
    ) {
        self.stream = stream
        self.name = name
        self.created = created
        self.config = config
        self.now = now
    }

    /// The members, into an object that is open.
    ///
    /// - Parameter isAnnounced: whether what clients don't set is filled in, as answers show it.
    public func writeMembers(to json: inout JSONWriter, isAnnounced: Bool) {
        json.field("stream_name", stream)
        json.field("name", name)
        json.field("created", created.rfc3339)
        json.name("config")
        (isAnnounced ? config.announced : config).write(to: &json)
        json.name("delivered")
        delivered.write(to: &json)
        json.name("ack_floor")
        ackFloor.write(to: &json)
        json.field("num_ack_pending", ackPendingCount)
        json.field("num_redelivered", redeliveredCount)
        json.field("num_waiting", waitingCount)
        json.field("num_pending", pendingCount)
        if isPushBound { json.field("push_bound", true) }
        if let until = config.pauseUntil, until > now {
            json.field("paused", true)
            json.field("pause_remaining", until.nanoseconds - now.nanoseconds)
        }
        json.field("ts", now.rfc3339)
    }
}

/// The answers about consumers, as JSON.
public enum ConsumerReply {
    public static func created(_ info: ConsumerInfo) -> [UInt8] {
        APIReply.consumerCreate.body { info.writeMembers(to: &$0, isAnnounced: true) }
    }

    public static func info(_ info: ConsumerInfo) -> [UInt8] {
        APIReply.consumerInfo.body { info.writeMembers(to: &$0, isAnnounced: true) }
    }

    public static func names(_ all: [String], offset: Int) -> [UInt8] {
        APIReply.consumerNames.body { $0.names("consumers", all, offset: offset) }
    }

    /// - Parameter page: the infos from `offset` on, at most ``PageRequest/infosLimit``.
    public static func list(_ page: [ConsumerInfo], total: Int, offset: Int) -> [UInt8] {
        APIReply.consumerList.body { json in
            json.field("total", total)
            json.field("offset", min(offset, total))
            json.field("limit", PageRequest.infosLimit)
            json.name("consumers")
            json.beginArray()
            for info in page {
                json.beginObject()
                info.writeMembers(to: &json, isAnnounced: false)
                json.endObject()
            }
            json.endArray()
        }
    }

    public static func deleted() -> [UInt8] { APIReply.consumerDelete.success() }

    public static func reset(_ info: ConsumerInfo, to sequence: UInt64) -> [UInt8] {
        APIReply.consumerReset.body { json in
            info.writeMembers(to: &json, isAnnounced: true)
            json.field("reset_seq", sequence)
        }
    }

    public static func paused(until: Timestamp?, now: Timestamp) -> [UInt8] {
        APIReply.consumerPause.body { json in
            let isPaused = until.map { $0 > now } ?? false
            json.field("paused", isPaused)
            json.field("pause_until", until?.rfc3339 ?? Timestamp.zeroText)
            if isPaused, let until {
                json.field("pause_remaining", until.nanoseconds - now.nanoseconds)
            }
        }
    }
}

/// `$JS.API.INFO`: what the account uses. Nothing is limited.
public struct AccountInfo: Equatable, Sendable {
    public var memory: UInt64 = 0
    public var storage: UInt64 = 0
    public var reservedMemory: Int64 = 0
    public var reservedStorage: Int64 = 0
    public var limits = AccountLimits()
    public var streams = 0
    public var consumers = 0
    /// Empty: the server has none.
    public var domain = ""
    public var apiTotal: UInt64 = 0
    public var apiErrors: UInt64 = 0

    public init() {}

    public func reply() -> [UInt8] {
        APIReply.accountInfo.body { json in
            json.field("memory", memory)
            json.field("storage", storage)
            json.field("reserved_memory", reservedMemory)
            json.field("reserved_storage", reservedStorage)
            json.field("streams", streams)
            json.field("consumers", consumers)
            json.name("limits")
            limits.write(to: &json)
            if !domain.isEmpty { json.field("domain", domain) }
            json.name("api")
            json.beginObject()
            json.field("level", APILevel.level)
            json.field("total", apiTotal)
            json.field("errors", apiErrors)
            json.endObject()
        }
    }
}

/// How much an account may keep, as it is told. -1 for no limit.
public struct AccountLimits: Equatable, Sendable {
    public var memory: Int64 = -1
    public var storage: Int64 = -1
    public var streams = -1
    public var consumers = -1
    public var ackPending = -1
    public var streamMemory: Int64 = -1
    public var streamStorage: Int64 = -1
    public var requiresMaximumBytes = false

    public init() {}

    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("max_memory", memory)
        json.field("max_storage", storage)
        json.field("max_streams", streams)
        json.field("max_consumers", consumers)
        json.field("max_ack_pending", ackPending)
        json.field("memory_max_stream_bytes", streamMemory)
        json.field("storage_max_stream_bytes", streamStorage)
        json.field("max_bytes_required", requiresMaximumBytes)
        json.endObject()
    }
}
