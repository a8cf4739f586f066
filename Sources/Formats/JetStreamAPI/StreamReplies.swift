import JSON
import Model

/// What a stream holds now.
public struct StreamState: Equatable, Sendable {
    public var messages: UInt64 = 0
    public var bytes: UInt64 = 0
    public var firstSequence: UInt64 = 0
    public var firstTime: Timestamp?
    public var lastSequence: UInt64 = 0
    public var lastTime: Timestamp?
    public var subjectCount = 0
    public var deletedCount: UInt64 = 0
    public var consumerCount = 0
    /// Sequences between first and last that are gone; only where asked for.
    public var deleted: [UInt64] = []
    /// How many messages each subject has; only where asked for.
    public var subjects: [(subject: String, count: UInt64)] = []

    public init() {}

    public static func == (one: StreamState, two: StreamState) -> Bool {
        one.messages == two.messages && one.bytes == two.bytes
            && one.firstSequence == two.firstSequence && one.firstTime == two.firstTime
            && one.lastSequence == two.lastSequence && one.lastTime == two.lastTime
            && one.subjectCount == two.subjectCount && one.deletedCount == two.deletedCount
            && one.consumerCount == two.consumerCount && one.deleted == two.deleted
            && one.subjects.elementsEqual(two.subjects, by: ==)
    }

    public func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("messages", messages)
        json.field("bytes", bytes)
        json.field("first_seq", firstSequence)
        json.field("first_ts", firstTime?.rfc3339 ?? Timestamp.zeroText)
        json.field("last_seq", lastSequence)
        json.field("last_ts", lastTime?.rfc3339 ?? Timestamp.zeroText)
        if subjectCount > 0 { json.field("num_subjects", subjectCount) }
        if !subjects.isEmpty {
            json.name("subjects")
            json.beginObject()
            for entry in subjects { json.field(entry.subject, entry.count) }
            json.endObject()
        }
        if deletedCount > 0 { json.field("num_deleted", deletedCount) }
        if !deleted.isEmpty {
            json.name("deleted")
            json.beginArray()
            for sequence in deleted { json.value(sequence) }
            json.endArray()
        }
        json.field("consumer_count", consumerCount)
        json.endObject()
    }
}

/// A stream as answers show it.
public struct StreamInfo: Sendable {
    public var config: StreamConfig
    public var created: Timestamp
    public var state: StreamState
    /// The server's name; create, update and list answers leave it out.
    public var leader: String?
    public var now: Timestamp

    public init(
        config: StreamConfig, created: Timestamp, state: StreamState, leader: String?,
        now: Timestamp
    ) {
        self.config = config
        self.created = created
        self.state = state
        self.leader = leader
        self.now = now
    }

    /// The members, into an object that is open.
    func writeMembers(to json: inout JSONWriter, isAnnounced: Bool) {
        json.name("config")
        (isAnnounced ? config.announced : config).write(to: &json)
        json.field("created", created.rfc3339)
        json.name("state")
        state.write(to: &json)
        if let leader {
            json.name("cluster")
            json.beginObject()
            json.field("leader", leader)
            json.endObject()
        }
        json.field("ts", now.rfc3339)
    }
}

/// The answers about streams, as JSON.
public enum StreamReply {
    public static func created(_ info: StreamInfo) -> [UInt8] {
        APIReply.streamCreate.body { json in
            info.writeMembers(to: &json, isAnnounced: true)
            json.field("did_create", true)
        }
    }

    public static func updated(_ info: StreamInfo) -> [UInt8] {
        APIReply.streamUpdate.body { info.writeMembers(to: &$0, isAnnounced: true) }
    }

    /// - Parameter subjects: how many subjects there are in all and where this page starts, where asked for.
    public static func info(
        _ info: StreamInfo, subjects: (total: Int, offset: Int)? = nil
    ) -> [UInt8] {
        APIReply.streamInfo.body { json in
            json.field("total", subjects?.total ?? 0)
            json.field("offset", subjects?.offset ?? 0)
            json.field("limit", subjects == nil ? 0 : PageRequest.subjectsLimit)
            info.writeMembers(to: &json, isAnnounced: true)
        }
    }

    /// All names that were asked for, of which one page is shown.
    public static func names(_ all: [String], offset: Int) -> [UInt8] {
        APIReply.streamNames.body { json in
            json.names("streams", all, offset: offset, isNullIfEmpty: true)
        }
    }

    /// - Parameter page: the infos from `offset` on, at most ``PageRequest/infosLimit``.
    public static func list(_ page: [StreamInfo], total: Int, offset: Int) -> [UInt8] {
        APIReply.streamList.body { json in
            json.field("total", total)
            json.field("offset", min(offset, total))
            json.field("limit", PageRequest.infosLimit)
            json.name("streams")
            json.beginArray()
            for info in page {
                json.beginObject()
                info.writeMembers(to: &json, isAnnounced: false)
                json.endObject()
            }
            json.endArray()
        }
    }

    public static func deleted() -> [UInt8] { APIReply.streamDelete.success() }
    public static func messageDeleted() -> [UInt8] { APIReply.messageDelete.success() }

    public static func purged(_ count: UInt64) -> [UInt8] {
        APIReply.streamPurge.body { json in
            json.field("success", true)
            json.field("purged", count)
        }
    }

    /// - Parameters:
    ///   - headers: the raw block in base64, empty for none.
    ///   - data: the payload in base64, empty for none.
    public static func message(
        subject: String, sequence: UInt64, headers: String, data: String, time: Timestamp
    ) -> [UInt8] {
        APIReply.messageGet.body { json in
            json.name("message")
            json.beginObject()
            json.field("subject", subject)
            json.field("seq", sequence)
            if !headers.isEmpty { json.field("hdrs", headers) }
            if !data.isEmpty { json.field("data", data) }
            json.field("time", time.rfc3339)
            json.endObject()
        }
    }
}

extension JSONWriter {
    /// Total, offset, limit and one page of names.
    ///
    /// - Parameter isNullIfEmpty: nats-server shows an empty page of streams as null, of consumers not.
    mutating func names(
        _ name: String, _ all: [String], offset: Int, isNullIfEmpty: Bool = false
    ) {
        let start = min(offset, all.count)
        let page = all[start..<min(all.count, start + PageRequest.namesLimit)]
        field("total", all.count)
        field("offset", start)
        field("limit", PageRequest.namesLimit)
        self.name(name)
        if page.isEmpty, isNullIfEmpty { return null() }
        beginArray()
        for text in page { value(text) }
        endArray()
    }
}
