import JSON
import JetStreamAPI
import Model
import Platform
import Transport

/// STATSZ: the numbers of the server, asked for or told every ten seconds; and how many connections
/// each account has.
extension SystemService {
    static let beatNanoseconds: Int64 = 10_000_000_000

    func answerStatistics(_ request: SystemRequest) {
        report(request, "VARZ", options: []) { [self] result in
            switch result {
            case .success(let body):
                answer(request, enveloped([("statsz", statistics(body))]))
            case .failure(let refusal): answer(request, refusal)
            }
        }
    }

    /// On loop 0, every ten seconds.
    func beat(_ count: Int) {
        home.schedule(afterNanoseconds: count == 0 ? 250_000_000 : Self.beatNanoseconds) {
            [weak self] in
            guard let self, !nats.isStopping else { return }
            tellStatistics()
            if count % 3 == 0 { tellConnections() }
            beat(count + 1)
        }
    }

    private func tellStatistics() {
        let subject = "$SYS.SERVER.\(nats.options.serverID).STATSZ"
        guard isListened(subject), let reports = nats.reports else { return }
        reports.report("VARZ", options: []) { [self] result in
            guard case .success(let body) = result else { return }
            tell(subject, enveloped([("statsz", statistics(body))]))
        }
    }

    private func tellConnections() {
        for account in nats.accounts.all where account.clientCount > 0 {
            tellConnections(of: account)
        }
    }

    /// The same numbers as `/varz` has, under other names.
    private func statistics(_ variables: [UInt8]) -> [UInt8] {
        guard let varz = try? JSONValue.parse(variables.span.bytes) else { return Array("null".utf8) }
        var json = JSONWriter()
        json.beginObject()
        for name in ["start", "mem", "cores", "cpu", "connections", "total_connections"] {
            if let value = varz[name] { json.field(name, value) }
        }
        json.field("active_accounts", nats.accounts.all.count { $0.clientCount > 0 })
        if let value = varz["subscriptions"] { json.field("subscriptions", value) }
        func flow(_ name: String, _ messages: String, _ bytes: String) {
            json.name(name)
            json.beginObject()
            json.field("msgs", varz[messages] ?? .number("0"))
            json.field("bytes", varz[bytes] ?? .number("0"))
            json.endObject()
        }
        flow("sent", "out_msgs", "out_bytes")
        flow("sent_to_clients", "out_msgs", "out_bytes")
        flow("received", "in_msgs", "in_bytes")
        flow("received_from_clients", "in_msgs", "in_bytes")
        json.field("slow_consumers", varz["slow_consumers"] ?? .number("0"))
        json.field("active_servers", 1)
        if nats.options.jetStream, let jetStream = varz["jetstream"] {
            json.field("jetstream", jetStream)
        }
        if let value = varz["gomaxprocs"] { json.field("gomaxprocs", value) }
        json.endObject()
        return json.bytes
    }
}
