import Bytes
import JSON
import Model

/// `STREAM.MSG.GET`, and of `DIRECT.GET` the same and more: which message or messages to read.
///
/// Source: nats-architecture-and-design ADR-31.
public struct MessageGetRequest: Equatable, Sendable {
    public var sequence: UInt64 = 0
    public var lastBySubject = ""
    public var nextBySubject = ""
    public var startTime: Timestamp?
    public var batch = 0
    public var maxBytes = 0
    public var multiLast: [String] = []
    public var upToSequence: UInt64 = 0
    public var upToTime: Timestamp?
    public var noHeaders = false

    public init() {}

    /// - Parameter isStrict: whether unknown members are an error, as they are for `MSG.GET` and not for direct gets.
    /// - Throws: 10025.
    public init(_ payload: RawSpan, isStrict: Bool) throws(JetStreamError) {
        for field in try RequestField.all(in: payload, type: "JSApiMsgGetRequest") {
            switch field.name {
            case "seq": try field.set(&sequence)
            case "last_by_subj": try field.set(&lastBySubject)
            case "next_by_subj": try field.set(&nextBySubject)
            case "start_time": try field.set(&startTime)
            case "batch": try field.set(&batch)
            case "max_bytes": try field.set(&maxBytes)
            case "multi_last": try field.set(&multiLast)
            case "up_to_seq": try field.set(&upToSequence)
            case "up_to_time": try field.set(&upToTime)
            case "no_hdr": try field.set(&noHeaders)
            default: if isStrict { throw field.unknown }
            }
        }
    }

    /// Nothing that could name a message.
    public var isEmpty: Bool {
        sequence == 0 && lastBySubject.isEmpty && nextBySubject.isEmpty && startTime == nil
            && multiLast.isEmpty
    }

    /// Whether what it asks for contradicts itself.
    public var isContradictory: Bool {
        (sequence > 0 && !lastBySubject.isEmpty)
            || (!lastBySubject.isEmpty && !nextBySubject.isEmpty)
            || (sequence > 0 && startTime != nil) || (!lastBySubject.isEmpty && startTime != nil)
            || (!multiLast.isEmpty && !lastBySubject.isEmpty)
            || (!multiLast.isEmpty && !nextBySubject.isEmpty)
            || (upToSequence > 0 && upToTime != nil) || batch < 0 || maxBytes < 0
    }

    /// Whether it uses what only direct gets offer.
    public var needsDirect: Bool {
        batch != 0 || maxBytes != 0 || !multiLast.isEmpty || upToSequence > 0 || upToTime != nil
    }
}

/// `STREAM.MSG.DELETE`.
public struct MessageDeleteRequest: Equatable, Sendable {
    public var sequence: UInt64 = 0
    /// Whether the bytes may stay on disk until they are compacted away.
    public var noErase = false

    /// - Throws: 10025.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        for field in try RequestField.all(in: payload, type: "JSApiMsgDeleteRequest") {
            switch field.name {
            case "seq": try field.set(&sequence)
            case "no_erase": try field.set(&noErase)
            default: throw field.unknown
            }
        }
    }
}

/// `STREAM.PURGE`: everything, or what matches a filter, below a sequence, or all but the newest few.
public struct PurgeRequest: Equatable, Sendable {
    public var filter = ""
    public var below: UInt64 = 0
    public var keep: UInt64 = 0

    public init() {}

    /// - Throws: 10025; 10003 if both `seq` and `keep` are given.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        for field in try RequestField.allOfObject(in: payload, type: "JSApiStreamPurgeRequest") {
            switch field.name {
            case "filter": try field.set(&filter)
            case "seq": try field.set(&below)
            case "keep": try field.set(&keep)
            default: throw field.unknown
            }
        }
        if below > 0, keep > 0 { throw .badRequest }
    }
}

/// `STREAM.INFO`: how much detail to tell.
public struct StreamInfoRequest: Equatable, Sendable {
    public var deletedDetails = false
    public var subjectsFilter = ""
    public var offset = 0

    /// - Throws: 10025.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        for field in try RequestField.allOfObject(in: payload, type: "JSApiStreamInfoRequest") {
            switch field.name {
            case "deleted_details": try field.set(&deletedDetails)
            case "subjects_filter": try field.set(&subjectsFilter)
            case "offset": try field.set(&offset)
            default: throw field.unknown
            }
        }
        offset = max(0, offset)
    }
}

/// The requests that list something page by page.
public struct PageRequest: Equatable, Sendable {
    /// Only streams that take this subject or overlap this filter.
    public var subject = ""
    public var offset = 0

    public static let namesLimit = 1024
    public static let infosLimit = 256
    public static let subjectsLimit = 100_000

    /// - Throws: 10025.
    public init(_ payload: RawSpan, type: String) throws(JetStreamError) {
        for field in try RequestField.allOfObject(in: payload, type: type) {
            switch field.name {
            case "offset": try field.set(&offset)
            case "subject" where type.contains("Stream"): try field.set(&subject)
            default: throw field.unknown
            }
        }
        offset = max(0, offset)
    }
}

/// `CONSUMER.PAUSE`: until when; none means "go on".
public struct ConsumerPauseRequest: Equatable, Sendable {
    public var pauseUntil: Timestamp?

    /// - Throws: 10025.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        for field in try RequestField.allOfObject(in: payload, type: "JSApiConsumerPauseRequest") {
            switch field.name {
            case "pause_until": try field.set(&pauseUntil)
            default: throw field.unknown
            }
        }
    }
}

/// `CONSUMER.RESET`: where to begin again; 0 for behind the last ack. Unknown members are ignored, as nats-server does.
public struct ConsumerResetRequest: Equatable, Sendable {
    public var sequence: UInt64 = 0

    /// - Throws: 10025, also for nothing but white space.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        if payload.byteCount > 0, RequestField.isBlank(payload) {
            throw .invalidJSON("unexpected end of JSON input")
        }
        for field in try RequestField.all(in: payload, type: "JSApiConsumerResetRequest") {
            if field.name == "seq" { try field.set(&sequence) }
        }
    }
}

/// `CONSUMER.UNPIN`: which group of a consumer. Unknown members are ignored, as nats-server does.
public struct ConsumerUnpinRequest: Equatable, Sendable {
    public var group = ""

    /// - Throws: 10025, also where no group is named.
    public init(_ payload: RawSpan) throws(JetStreamError) {
        if RequestField.isBlank(payload) { throw .invalidJSON("unexpected end of JSON input") }
        for field in try RequestField.all(in: payload, type: "JSApiConsumerUnpinRequest") {
            if field.name == "group" { try field.set(&group) }
        }
        if group.isEmpty { throw .invalidJSON("consumer group not specified") }
    }
}
