import Bytes
import JSON
import Model

/// One change of the catalog, as the write-ahead log keeps it: a JSON object whose `change` names the case.
///
/// The format is described in docs/formats/catalog.md.
public enum CatalogRecord: Equatable, Sendable {
    case streamCreated(NewStream)
    case streamUpdated(StreamID, subjects: [String], streamConfig: JSONValue)
    case topicConfigured(StreamID, config: [String: String])
    case partitionsAdded(StreamID, logs: [LogID])
    case streamDeleted(StreamID)
    case consumerCreated(LogID, name: String, created: Timestamp, config: JSONValue)
    case consumerUpdated(LogID, name: String, config: JSONValue)
    case consumerDeleted(LogID, name: String)

    public struct NewStream: Equatable, Sendable {
        public var id: StreamID
        public var account: String
        public var origin: StreamEntry.Origin
        public var name: String
        public var topicID: TopicID
        public var created: Timestamp
        public var keyPrefix: String
        public var subjects: [String]
        public var logs: [LogID]
        public var streamConfig: JSONValue
        public var topicConfig: [String: String]

        public init(
            id: StreamID, account: String, origin: StreamEntry.Origin, name: String,
            topicID: TopicID, created: Timestamp, keyPrefix: String, subjects: [String],
            logs: [LogID], streamConfig: JSONValue, topicConfig: [String: String]
        ) {
            self.id = id
            self.account = account
            self.origin = origin
            self.name = name
            self.topicID = topicID
            self.created = created
            self.keyPrefix = keyPrefix
            self.subjects = subjects
            self.logs = logs
            self.streamConfig = streamConfig
            self.topicConfig = topicConfig
        }
    }
}

extension CatalogRecord {
    public func encoded() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        switch self {
        case .streamCreated(let stream):
            json.field("change", "stream_created")
            json.field("stream", stream.id.value)
            if stream.account != StreamNaming.globalAccount {
                json.field("account", stream.account)
            }
            json.field("origin", stream.origin.rawValue)
            json.field("name", stream.name)
            json.field("topic_id_high", stream.topicID.high)
            json.field("topic_id_low", stream.topicID.low)
            json.field("created", stream.created.nanoseconds)
            json.field("key_prefix", stream.keyPrefix)
            json.field("subjects", .array(stream.subjects.map(JSONValue.string)))
            json.field("logs", Self.numbers(stream.logs))
            json.field("stream_config", stream.streamConfig)
            json.field("topic_config", Self.members(stream.topicConfig))
        case .streamUpdated(let id, let subjects, let config):
            json.field("change", "stream_updated")
            json.field("stream", id.value)
            json.field("subjects", .array(subjects.map(JSONValue.string)))
            json.field("stream_config", config)
        case .topicConfigured(let id, let config):
            json.field("change", "topic_configured")
            json.field("stream", id.value)
            json.field("topic_config", Self.members(config))
        case .partitionsAdded(let id, let logs):
            json.field("change", "partitions_added")
            json.field("stream", id.value)
            json.field("logs", Self.numbers(logs))
        case .streamDeleted(let id):
            json.field("change", "stream_deleted")
            json.field("stream", id.value)
        case .consumerCreated(let log, let name, let created, let config):
            json.field("change", "consumer_created")
            json.field("log", log.value)
            json.field("name", name)
            json.field("created", created.nanoseconds)
            json.field("config", config)
        case .consumerUpdated(let log, let name, let config):
            json.field("change", "consumer_updated")
            json.field("log", log.value)
            json.field("name", name)
            json.field("config", config)
        case .consumerDeleted(let log, let name):
            json.field("change", "consumer_deleted")
            json.field("log", log.value)
            json.field("name", name)
        }
        json.endObject()
        return json.bytes
    }

    /// Why a catalog frame cannot be read.
    public enum Malformed: Error, Equatable {
        case json(JSONError)
        /// The frame was written by a newer version, or is not a catalog frame.
        case unknownChange(String)
        case badField(String)
    }

    public init(decoding bytes: RawSpan) throws(Malformed) {
        let json: JSONValue
        do { json = try JSONValue.parse(bytes) } catch { throw .json(error) }
        let fields = Fields(json: json)
        let change = try fields.string("change")
        switch change {
        case "stream_created":
            guard let origin = StreamEntry.Origin(rawValue: try fields.string("origin")) else {
                throw .badField("origin")
            }
            self = .streamCreated(
                NewStream(
                    id: StreamID(try fields.integer("stream")), account: try fields.account(),
                    origin: origin,
                    name: try fields.string("name"),
                    topicID: TopicID(
                        high: try fields.integer("topic_id_high"),
                        low: try fields.integer("topic_id_low")),
                    created: Timestamp(nanoseconds: try fields.integer("created")),
                    keyPrefix: try fields.string("key_prefix"),
                    subjects: try fields.strings("subjects"), logs: try fields.logs("logs"),
                    streamConfig: try fields.value("stream_config"),
                    topicConfig: try fields.map("topic_config")))
        case "stream_updated":
            self = .streamUpdated(
                StreamID(try fields.integer("stream")), subjects: try fields.strings("subjects"),
                streamConfig: try fields.value("stream_config"))
        case "topic_configured":
            self = .topicConfigured(
                StreamID(try fields.integer("stream")), config: try fields.map("topic_config"))
        case "partitions_added":
            self = .partitionsAdded(
                StreamID(try fields.integer("stream")), logs: try fields.logs("logs"))
        case "stream_deleted":
            self = .streamDeleted(StreamID(try fields.integer("stream")))
        case "consumer_created":
            self = .consumerCreated(
                LogID(try fields.integer("log")), name: try fields.string("name"),
                created: Timestamp(nanoseconds: try fields.integer("created")),
                config: try fields.value("config"))
        case "consumer_updated":
            self = .consumerUpdated(
                LogID(try fields.integer("log")), name: try fields.string("name"),
                config: try fields.value("config"))
        case "consumer_deleted":
            self = .consumerDeleted(
                LogID(try fields.integer("log")), name: try fields.string("name"))
        default:
            throw .unknownChange(change)
        }
    }

    private static func numbers(_ logs: [LogID]) -> JSONValue {
        .array(logs.map { .number(String($0.value)) })
    }

    private static func members(_ map: [String: String]) -> JSONValue {
        .object(map.sorted { $0.key < $1.key }.map { JSONMember(name: $0.key, value: .string($0.value)) })
    }

    private struct Fields {
        let json: JSONValue

        func value(_ name: String) throws(Malformed) -> JSONValue {
            guard let value = json[name] else { throw .badField(name) }
            return value
        }

        /// Frames from before there were accounts have none.
        func account() throws(Malformed) -> String {
            json["account"] == nil ? StreamNaming.globalAccount : try string("account")
        }

        func string(_ name: String) throws(Malformed) -> String {
            guard let text = try value(name).string else { throw .badField(name) }
            return text
        }

        func integer<T: FixedWidthInteger>(_ name: String) throws(Malformed) -> T {
            guard let number = try value(name).integer(T.self) else { throw .badField(name) }
            return number
        }

        func strings(_ name: String) throws(Malformed) -> [String] {
            guard let elements = try value(name).array else { throw .badField(name) }
            var result: [String] = []
            for element in elements {
                guard let text = element.string else { throw .badField(name) }
                result.append(text)
            }
            return result
        }

        func logs(_ name: String) throws(Malformed) -> [LogID] {
            guard let elements = try value(name).array else { throw .badField(name) }
            var result: [LogID] = []
            for element in elements {
                guard let number = element.integer(UInt32.self) else { throw .badField(name) }
                result.append(LogID(number))
            }
            return result
        }

        func map(_ name: String) throws(Malformed) -> [String: String] {
            guard let members = try value(name).object else { throw .badField(name) }
            var result: [String: String] = [:]
            for member in members {
                guard let text = member.value.string else { throw .badField(name) }
                result[member.name] = text
            }
            return result
        }
    }
}
