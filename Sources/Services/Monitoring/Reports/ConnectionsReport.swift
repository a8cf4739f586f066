import JSON
import JetStreamAPI
import Model
import NATSService
import Platform
import Subjects

/// `/connz`: the connections, open or closed, sorted and page by page.
extension ReportService {
    func makeConnections(
        _ options: ConnectionOptions, _ answer: @escaping @Sendable (Report) -> Void
    ) {
        guard options.account.isEmpty || nats.accounts.known(options.account) != nil else {
            return onWorker(answer) { [self] in Report(body: nothing(options)) }
        }
        if options.state == .closed || options.state == .none { return makePage(options, [], answer) }
        nats.reportConnections { [self] open in makePage(options, open, answer) }
    }

    private func makePage(
        _ options: ConnectionOptions, _ open: [ConnectionReport],
        _ answer: @escaping @Sendable (Report) -> Void
    ) {
        let needsSubscriptions = options.showsSubscriptions || options.showsSubscriptionDetails
        if !options.filterSubject.isEmpty {
            // All of them have to be looked at to know who is on the page.
            return nats.reportSubscriptions { [self] subscriptions in
                onWorker(answer) { [self] in
                    let byID = Dictionary(grouping: subscriptions) { $0.connectionID }
                    let page = page(options, open.map { $0.with(byID[$0.id] ?? []) })
                    return Report(body: connections(options, page))
                }
            }
        }
        guard needsSubscriptions, options.state != .closed else {
            return onWorker(answer) { [self] in
                Report(body: connections(options, page(options, open)))
            }
        }
        onPage(options, open) { [self] page in
            let ids = Set(page.reports.filter { $0.stop == nil }.map(\.id))
            nats.reportSubscriptions(of: ids) { [self] subscriptions in
                onWorker(answer) { [self] in
                    let byID = Dictionary(grouping: subscriptions) { $0.connectionID }
                    var page = page
                    page.reports = page.reports.map { report in
                        report.stop == nil ? report.with(byID[report.id] ?? []) : report
                    }
                    return Report(body: connections(options, page))
                }
            }
        }
    }

    private struct Page: Sendable {
        var reports: [ConnectionReport]
        var total: Int
    }

    private func onPage(
        _ options: ConnectionOptions, _ open: [ConnectionReport],
        _ next: @escaping @Sendable (Page) -> Void
    ) {
        onWorker({ _ in }) { [self] in
            next(page(options, open))
            return Report()
        }
    }

    private func page(_ options: ConnectionOptions, _ open: [ConnectionReport]) -> Page {
        // The total is that of the account, whatever else is asked for.
        let mine = open.filter(options.isOfAccount)
        var all = mine.filter(options.shows)
        var total = mine.count
        if options.state == .closed || options.state == .any {
            let closed = nats.closedReports
            let mine = closed.reports.filter(options.isOfAccount)
            all += mine.filter(options.shows)
            // nats-server counts those too that are forgotten.
            total += options.account.isEmpty ? closed.total : mine.count
        }
        options.order.sort(&all, now: Clock.now().nanoseconds)
        let start = min(options.offset, all.count)
        let end = min(all.count, start + options.limit)
        return Page(reports: Array(all[start..<end]), total: total)
    }

    /// For an account that is not there: nats-server fills in nothing else then.
    private func nothing(_ options: ConnectionOptions) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("server_id", "")
        json.field("now", Clock.now().rfc3339)
        json.field("num_connections", 0)
        json.field("total", 0)
        json.field("offset", options.offset)
        json.field("limit", options.limit)
        json.name("connections")
        json.null()
        json.endObject()
        return json.bytes
    }

    private func connections(_ options: ConnectionOptions, _ page: Page) -> [UInt8] {
        let now = Clock.now()
        var json = JSONWriter()
        json.beginObject()
        json.head(facts)
        json.field("num_connections", page.reports.count)
        json.field("total", page.total)
        json.field("offset", options.offset)
        json.field("limit", options.limit)
        json.name("connections")
        json.beginArray()
        for report in page.reports { report.write(to: &json, options, now: now) }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

extension ConnectionOptions {
    fileprivate func isOfAccount(_ report: ConnectionReport) -> Bool {
        account.isEmpty || report.account == account
    }

    fileprivate func shows(_ report: ConnectionReport) -> Bool {
        guard mqttClient.isEmpty else { return false }
        if id > 0, report.id != id { return false }
        if !user.isEmpty, report.user != user { return false }
        guard !filterSubject.isEmpty else { return true }
        guard let filter = SubjectFilter(filterSubject) else { return false }
        return report.subscriptions.contains {
            SubjectFilter($0.subject)?.overlaps(filter) ?? false
        }
    }
}

extension CertificateReport {
    fileprivate func write(to json: inout JSONWriter) {
        json.name("tls_peer_certs")
        json.beginArray()
        json.beginObject()
        json.field("subject", subject)
        json.field("spki_sha256", keyDigest)
        json.field("cert_sha256", digest)
        json.endObject()
        json.endArray()
    }
}

extension ConnectionReport {
    fileprivate func with(_ subscriptions: [SubscriptionReport]) -> ConnectionReport {
        var report = self
        report.subscriptions = subscriptions
        return report
    }

    fileprivate func write(to json: inout JSONWriter, _ options: ConnectionOptions, now: Timestamp) {
        json.beginObject()
        json.field("cid", id)
        json.field("kind", "Client")
        json.field("type", isWebSocket ? "websocket" : "nats")
        json.field("ip", host)
        json.field("port", port)
        json.field("start", start.rfc3339)
        json.field("last_activity", lastActivity.rfc3339)
        if let stop { json.field("stop", stop.rfc3339) }
        if let reason { json.field("reason", reason.rawValue) }
        if roundTripNanoseconds > 0 {
            json.field("rtt", DurationText.exact(nanoseconds: roundTripNanoseconds))
        }
        let end = (stop ?? now).nanoseconds
        json.field("uptime", DurationText.uptime(nanoseconds: end - start.nanoseconds))
        json.field("idle", DurationText.uptime(nanoseconds: end - lastActivity.nanoseconds))
        json.field("pending_bytes", pendingByteCount)
        json.field("in_msgs", messagesIn)
        json.field("out_msgs", messagesOut)
        json.field("in_bytes", bytesIn)
        json.field("out_bytes", bytesOut)
        if stallCount > 0 { json.field("stalls", stallCount) }
        json.field("subscriptions", subscriptionCount)
        json.unlessEmpty("name", name)
        json.unlessEmpty("lang", language)
        json.unlessEmpty("version", version)
        json.unlessEmpty("tls_version", tlsVersion)
        json.unlessEmpty("tls_cipher_suite", tlsCipherSuite)
        if isTLSFirst { json.field("tls_first", true) }
        if options.showsAuthentication {
            if let certificate { certificate.write(to: &json) }
            json.unlessEmpty("authorized_user", user)
            if account != AccountRouting.globalName { json.field("account", account) }
        }
        if options.showsSubscriptions, !subscriptions.isEmpty {
            json.name("subscriptions_list")
            json.beginArray()
            for subscription in subscriptions { json.value(subscription.subject) }
            json.endArray()
        }
        if options.showsSubscriptionDetails, !subscriptions.isEmpty {
            json.name("subscriptions_list_detail")
            json.beginArray()
            for subscription in subscriptions {
                subscription.write(to: &json, account: stop != nil)
            }
            json.endArray()
        }
        if options.showsAuthentication { json.field("name_tag", account) }
        json.endObject()
    }
}

extension SubscriptionReport {
    func write(to json: inout JSONWriter, account showsAccount: Bool) {
        json.beginObject()
        if showsAccount {
            json.field("account", account)
            json.field("account_tag", account)
        }
        json.field("subject", subject)
        json.unlessEmpty("qgroup", queue)
        json.field("sid", sid)
        json.field("msgs", messageCount)
        if maximum > 0 { json.field("max", maximum) }
        json.field("cid", connectionID)
        json.endObject()
    }
}

extension JSONWriter {
    mutating func unlessEmpty(_ name: String, _ text: String) {
        if !text.isEmpty { field(name, text) }
    }
}
