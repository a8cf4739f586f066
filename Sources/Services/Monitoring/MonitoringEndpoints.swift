import JSON
import JetStreamAPI
import Model

/// The state of the server at one moment, as monitoring shows it.
public struct ServerSnapshot: Sendable {
    public var serverID = ""
    public var serverName = ""
    public var version = ""
    public var host = ""
    public var port = 0
    public var kafkaPort: Int?
    public var start = Timestamp(nanoseconds: 0)
    public var now = Timestamp(nanoseconds: 0)
    public var coreCount = 0
    /// What the process holds in memory, in bytes.
    public var residentByteCount: Int64 = 0
    public var maximumPayload = 0
    public var connectionCount = 0
    public var subscriptionCount = 0
    public var messagesIn: UInt64 = 0
    public var messagesOut: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Nil without JetStream.
    public var jetStream: JetStreamSnapshot?

    public struct JetStreamSnapshot: Sendable {
        public var streamCount = 0
        public var consumerCount = 0
        public var messageCount: UInt64 = 0
        public var byteCount: UInt64 = 0
        public var folder = ""

        public init() {}
    }

    public init() {}
}

/// `/`, `/healthz`, `/varz` and `/jsz`, with nats-server's field names.
public enum MonitoringEndpoints {
    /// Nil for a path that is none of them.
    public static func response(to path: String, _ server: ServerSnapshot) -> MonitoringResponse? {
        switch path {
        case "/":
            let links = ["varz", "jsz", "healthz"].map { "<a href=\"/\($0)\">\($0)</a><br>\n" }
            return MonitoringResponse(
                contentType: "text/html; charset=utf-8",
                body: Array("<html><body>\n\(links.joined())</body></html>\n".utf8))
        case "/healthz":
            var json = JSONWriter()
            json.beginObject()
            json.field("status", "ok")
            json.endObject()
            return MonitoringResponse(body: json.bytes)
        case "/varz": return MonitoringResponse(body: variables(server))
        case "/jsz": return MonitoringResponse(body: jetStream(server))
        default: return nil
        }
    }

    private static func variables(_ server: ServerSnapshot) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("server_id", server.serverID)
        json.field("server_name", server.serverName)
        json.field("version", server.version)
        json.field("proto", 1)
        json.field("host", server.host)
        json.field("port", server.port)
        if let port = server.kafkaPort { json.field("kafka_port", port) }
        json.field("max_payload", server.maximumPayload)
        json.field("start", server.start.rfc3339)
        json.field("now", server.now.rfc3339)
        json.field("uptime", uptime(from: server.start, to: server.now))
        json.field("mem", server.residentByteCount)
        json.field("cores", server.coreCount)
        json.field("connections", server.connectionCount)
        json.field("subscriptions", server.subscriptionCount)
        json.field("in_msgs", server.messagesIn)
        json.field("out_msgs", server.messagesOut)
        json.field("in_bytes", server.bytesIn)
        json.field("out_bytes", server.bytesOut)
        json.name("jetstream")
        json.beginObject()
        if let jetStream = server.jetStream {
            json.name("config")
            json.beginObject()
            json.field("store_dir", jetStream.folder)
            json.endObject()
            json.name("stats")
            json.beginObject()
            json.field("storage", jetStream.byteCount)
            json.endObject()
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }

    private static func jetStream(_ server: ServerSnapshot) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("server_id", server.serverID)
        json.field("now", server.now.rfc3339)
        if let jetStream = server.jetStream {
            json.field("storage", jetStream.byteCount)
            json.field("streams", jetStream.streamCount)
            json.field("consumers", jetStream.consumerCount)
            json.field("messages", jetStream.messageCount)
            json.field("bytes", jetStream.byteCount)
        } else {
            json.field("disabled", true)
        }
        json.endObject()
        return json.bytes
    }

    /// As nats-server writes it: `1d2h3m4s`, without the larger units that are 0.
    private static func uptime(from start: Timestamp, to now: Timestamp) -> String {
        let seconds = max(0, now.nanoseconds - start.nanoseconds) / 1_000_000_000
        let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m")]
        let large = units.drop { $0.0 == 0 }.map { "\($0.0)\($0.1)" }.joined()
        return large + "\(seconds % 60)s"
    }
}
