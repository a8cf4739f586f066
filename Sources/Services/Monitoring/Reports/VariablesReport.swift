import JSON
import JetStreamAPI
import Model
import NATSService
import Platform

/// `/varz`: what the server is, how it is set up, and what it has done.
extension ReportService {
    func makeVariables(_ answer: @escaping @Sendable (Report) -> Void) {
        jetStreamTotals { [self] totals in
            onWorker(answer) { [self] in Report(body: variables(totals)) }
        }
    }

    private func variables(_ totals: JetStreamTotals?) -> [UInt8] {
        let facts = facts
        let now = Clock.now()
        var json = JSONWriter()
        json.beginObject()
        writeIdentity(facts, to: &json)
        writeLimits(facts, to: &json)
        for peers in ["cluster", "gateway", "leaf", "mqtt", "websocket"] {
            json.name(peers)
            json.beginObject()
            json.endObject()
        }
        json.name("jetstream")
        json.beginObject()
        if let totals, let jetStream = facts.jetStream {
            json.name("config")
            jetStream.write(to: &json)
            json.name("stats")
            json.beginObject()
            totals.write(to: &json)
            json.endObject()
            json.name("limits")
            json.beginObject()
            json.field("default_max_consumers", 1000)
            json.endObject()
        }
        json.endObject()
        json.number("tls_timeout", facts.tlsTimeout)
        json.field("write_deadline", facts.options.writeDeadlineNanoseconds)
        json.field("start", facts.start.rfc3339)
        json.field("now", now.rfc3339)
        json.field(
            "uptime", DurationText.uptime(nanoseconds: now.nanoseconds - facts.start.nanoseconds))
        writeActivity(facts, to: &json)
        json.name("http_req_stats")
        json.beginObject()
        for (path, count) in requests.all { json.field(path, count) }
        json.endObject()
        json.field("config_load_time", facts.configLoad.rfc3339)
        json.field("config_digest", facts.configDigest)
        if !facts.tags.isEmpty {
            json.name("tags")
            json.beginArray()
            for tag in facts.tags { json.value(tag) }
            json.endArray()
        }
        let metadata = facts.options.metadata
        if !metadata.isEmpty { json.field("metadata", metadata.jsonObject) }
        json.field("system_account", facts.systemAccount)
        let clients = nats.clientStatistics
        json.perKind("slow_consumer_stats", clients: clients.slowConsumers)
        json.perKind("stale_connection_stats", clients: clients.staleConnections)
        json.endObject()
        return json.bytes
    }

    private func writeIdentity(_ facts: ServerFacts, to json: inout JSONWriter) {
        json.field("server_id", facts.options.serverID)
        json.field("server_name", facts.options.serverName)
        json.field("version", facts.options.version)
        json.field("duolog_version", facts.version)
        json.field("proto", 1)
        // Decoders of nats-server's answer look for these two.
        json.field("git_commit", "")
        json.field("go", "")
        json.field("host", facts.options.host)
        json.field("port", facts.natsPort)
        if let port = facts.kafkaPort { json.field("kafka_port", port) }
        if facts.authRequired { json.field("auth_required", true) }
        if facts.tlsRequired { json.field("tls_required", true) }
        if facts.tlsVerify { json.field("tls_verify", true) }
    }

    private func writeLimits(_ facts: ServerFacts, to json: inout JSONWriter) {
        let options = facts.options
        json.field("max_connections", options.maximumConnections)
        if options.maximumSubscriptions > 0 {
            json.field("max_subscriptions", options.maximumSubscriptions)
        }
        json.field("ping_interval", options.pingIntervalNanoseconds)
        json.field("ping_max", options.maximumPingsOut)
        json.field("http_host", facts.httpHost)
        json.field("http_port", facts.httpPort)
        json.field("http_base_path", facts.httpBasePath)
        json.field("https_port", facts.httpsPort)
        json.number("auth_timeout", facts.authTimeout)
        json.field("max_control_line", options.maximumControlLine)
        json.field("max_payload", options.maximumPayload)
        json.field("max_pending", options.maximumPending)
    }

    private func writeActivity(_ facts: ServerFacts, to json: inout JSONWriter) {
        let usage = ProcessUsage.now()
        let statistics = nats.statistics
        let clients = nats.clientStatistics
        json.field("mem", usage.residentByteCount)
        json.field("cores", facts.coreCount)
        json.field("gomaxprocs", facts.loopCount)
        json.number("cpu", processor.percent(usage))
        json.field("connections", nats.clientCount)
        json.field("total_connections", clients.totalConnections)
        json.field("routes", 0)
        json.field("remotes", 0)
        json.field("leafnodes", 0)
        json.field("in_msgs", statistics.messagesIn)
        json.field("in_bytes", statistics.bytesIn)
        json.field("in_client_msgs", statistics.messagesIn)
        json.field("in_client_bytes", statistics.bytesIn)
        json.field("out_msgs", statistics.messagesOut)
        json.field("out_bytes", statistics.bytesOut)
        json.field("out_client_msgs", statistics.messagesOut)
        json.field("out_client_bytes", statistics.bytesOut)
        json.field("slow_consumers", clients.slowConsumers)
        json.field("stale_connections", clients.staleConnections)
        json.field("stalled_clients", clients.stalls)
        json.field("subscriptions", nats.subscriptionCount)
    }
}

extension JSONWriter {
    /// A number that may have decimals, written without them where it has none.
    mutating func number(_ name: String, _ value: Double) {
        self.name(name)
        if value.rounded() == value, value.magnitude < 1e15 {
            self.value(Int64(value))
        } else {
            literal("\(value)")
        }
    }

    /// Counted for each kind of connection, of which this server has one.
    mutating func perKind(_ name: String, clients: UInt64) {
        self.name(name)
        beginObject()
        field("clients", clients)
        for kind in ["routes", "gateways", "leafs"] { field(kind, 0) }
        endObject()
    }

    /// The two fields that most reports begin with.
    mutating func head(_ facts: ServerFacts) {
        field("server_id", facts.options.serverID)
        field("now", Clock.now().rfc3339)
    }
}
