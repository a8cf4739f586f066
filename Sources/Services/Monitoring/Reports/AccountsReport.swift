import JSON
import JetStreamAPI
import NATSService
import Platform

/// `/accountz` and `/accstatz`: the accounts, and what their clients do.
extension ReportService {
    func makeAccounts(_ name: String, _ answer: @escaping @Sendable (Report) -> Void) {
        guard !name.isEmpty else {
            return onWorker(answer) { [self] in Report(body: accounts()) }
        }
        jetStreamTotals { [self] totals in
            let hasJetStream = totals?.accounts.contains { $0.name == name } ?? false
            onWorker(answer) { [self] in
                guard let account = nats.accounts.known(name) else {
                    return Report(status: 400, refusal: "Account \(name) does not exist")
                }
                return Report(body: detail(of: account, hasJetStream: hasJetStream))
            }
        }
    }

    private func accounts() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.head(facts)
        json.field("system_account", facts.systemAccount)
        json.name("accounts")
        json.beginArray()
        for account in nats.accounts.all { json.value(account.name) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private func detail(of account: AccountRouting, hasJetStream: Bool) -> [UInt8] {
        let facts = facts
        var json = JSONWriter()
        json.beginObject()
        json.head(facts)
        json.field("system_account", facts.systemAccount)
        json.name("account_detail")
        json.beginObject()
        json.field("account_name", account.name)
        json.field("update_time", facts.configLoad.rfc3339)
        if account.name == facts.systemAccount { json.field("is_system", true) }
        json.field("expired", false)
        json.field("complete", true)
        json.field("jetstream_enabled", hasJetStream)
        json.field("leafnode_connections", 0)
        json.field("client_connections", account.clientCount)
        json.field("subscriptions", account.subscriptionCount)
        json.field("name_tag", account.name)
        json.name("sublist_stats")
        json.beginObject()
        RoutingNumbers(account).writeMembers(to: &json)
        json.endObject()
        json.endObject()
        json.endObject()
        return json.bytes
    }

    func makeAccountStatistics(
        unused: Bool, _ names: [String], _ answer: @escaping @Sendable (Report) -> Void
    ) {
        onWorker(answer) { [self] in
            var json = JSONWriter()
            json.beginObject()
            json.head(facts)
            json.name("account_statz")
            json.beginArray()
            for account in nats.accounts.all {
                let isNamed = names.contains(account.name)
                guard names.isEmpty ? unused || account.clientCount > 0 : isNamed else { continue }
                write(account, to: &json)
            }
            json.endArray()
            json.endObject()
            return Report(body: json.bytes)
        }
    }

    private func write(_ account: AccountRouting, to json: inout JSONWriter) {
        let statistics = account.statistics
        json.beginObject()
        json.field("acc", account.name)
        json.field("name", account.name)
        json.field("conns", account.clientCount)
        json.field("leafnodes", 0)
        json.field("total_conns", account.clientCount)
        json.field("num_subscriptions", account.subscriptionCount)
        json.traffic("sent", statistics.messagesOut, statistics.bytesOut)
        json.traffic("received", statistics.messagesIn, statistics.bytesIn)
        json.field("slow_consumers", account.slowConsumerCount)
        json.endObject()
    }
}

extension JSONWriter {
    fileprivate mutating func traffic(_ name: String, _ messages: UInt64, _ bytes: UInt64) {
        self.name(name)
        beginObject()
        field("msgs", messages)
        field("bytes", bytes)
        for kind in ["gateways", "routes", "leafs"] {
            self.name(kind)
            beginObject()
            field("msgs", 0)
            field("bytes", 0)
            endObject()
        }
        endObject()
    }
}
