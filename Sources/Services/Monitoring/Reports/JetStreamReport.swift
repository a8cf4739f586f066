import Broker
import Catalog
import JetStreamAPI
import JSON
import Model
import NATSService
import Transport

/// `/jsz`: what JetStream keeps, in all or stream by stream.
///
/// The streams that Kafka has made are among them: they are streams like all others.
extension ReportService {
    func makeJetStream(
        _ options: JetStreamOptions, _ answer: @escaping @Sendable (Report) -> Void
    ) {
        jetStreamTotals { [self] totals in
            guard let totals else {
                return onWorker(answer) { [self] in Report(body: disabled()) }
            }
            guard options.showsStreams, options.showsAccounts else {
                return onWorker(answer) { [self] in
                    Report(body: jetStream(options, totals, []))
                }
            }
            streamReports(withConsumers: options.showsConsumers) { [self] streams in
                onWorker(answer) { [self] in
                    Report(body: jetStream(options, totals, streams))
                }
            }
        }
    }

    private func disabled() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        JetStreamTotals().write(to: &json)
        json.head(facts)
        json.field("disabled", true)
        json.name("config")
        json.beginObject()
        json.field("max_memory", 0)
        json.field("max_storage", 0)
        json.endObject()
        for field in ["streams", "consumers", "messages", "bytes", "total"] {
            json.field(field, 0)
        }
        json.endObject()
        return json.bytes
    }

    private func jetStream(
        _ options: JetStreamOptions, _ totals: JetStreamTotals, _ streams: [Broker.StreamReport]
    ) -> [UInt8] {
        let facts = facts
        var json = JSONWriter()
        json.beginObject()
        totals.write(to: &json)
        json.head(facts)
        json.name("config")
        facts.jetStream?.write(to: &json) ?? json.null()
        json.name("limits")
        json.beginObject()
        json.field("default_max_consumers", 1000)
        json.endObject()
        json.field("streams", totals.streams.streamCount)
        json.field("consumers", totals.streams.consumerCount)
        json.field("messages", totals.streams.messageCount)
        json.field(
            "bytes", totals.streams.memoryByteCount + totals.streams.storageByteCount)
        if options.showsLeadership {
            // One server leads all.
            let (streams, consumers) = (totals.streams.streamCount, totals.streams.consumerCount)
            if streams > 0 { json.field("streams_leader", streams) }
            if consumers > 0 { json.field("consumers_leader", consumers) }
        }
        let shown = options.showsAccounts ? options.page(of: totals.accounts) : []
        if !shown.isEmpty {
            json.name("account_details")
            json.beginArray()
            for account in shown { writeAccount(account, options, streams, to: &json) }
            json.endArray()
        }
        json.field("total", totals.accounts.count)
        json.endObject()
        return json.bytes
    }

    private func writeAccount(
        _ account: JetStreamService.AccountReport, _ options: JetStreamOptions,
        _ streams: [Broker.StreamReport], to json: inout JSONWriter
    ) {
        json.beginObject()
        json.field("name", account.name)
        json.field("id", account.name)
        var numbers = JetStreamTotals()
        numbers.streams.memoryByteCount = account.usage.memoryByteCount
        numbers.streams.storageByteCount = account.usage.storageByteCount
        numbers.apiTotal = account.apiTotal
        numbers.apiErrors = account.apiErrors
        // Without a limit it is -1, in 64 bits without a sign.
        numbers.reservedMemory = UInt64(bitPattern: account.limits.memoryByteCount ?? -1)
        numbers.reservedStorage = UInt64(bitPattern: account.limits.storageByteCount ?? -1)
        numbers.write(to: &json)
        if options.showsStreams {
            json.name("stream_detail")
            json.beginArray()
            for stream in streams where stream.account == account.name {
                write(stream, options, to: &json)
            }
            json.endArray()
        }
        json.endObject()
    }

    private func write(
        _ stream: Broker.StreamReport, _ options: JetStreamOptions, to json: inout JSONWriter
    ) {
        json.beginObject()
        json.field("name", stream.info.config.name)
        json.field("created", stream.info.created.rfc3339)
        json.name("cluster")
        json.beginObject()
        json.field("leader", facts.options.serverName)
        json.endObject()
        if options.showsConfig {
            json.name("config")
            stream.info.config.announced.write(to: &json)
        }
        json.name("state")
        stream.info.state.write(to: &json)
        if options.showsConsumers, !stream.consumers.isEmpty {
            json.name("consumer_detail")
            json.beginArray()
            for consumer in stream.consumers {
                json.beginObject()
                consumer.writeMembers(to: &json, isAnnounced: true)
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
    }

    // MARK: Looking at loop 0

    /// So many streams are looked at in a turn.
    private static let streamsPerTurn = 64

    /// Nil without JetStream. `next` runs on loop 0 or at once, and has to be short.
    func jetStreamTotals(_ next: @escaping @Sendable (JetStreamTotals?) -> Void) {
        guard facts.jetStream != nil, let broker else { return next(nil) }
        home.post { [self] in
            var totals = JetStreamTotals()
            totals.streams = broker.streamTotals
            totals.accounts = jetStream?.accountReports ?? []
            totals.accountCount = totals.accounts.count
            totals.apiTotal = jetStream?.apiTotal ?? 0
            totals.apiErrors = jetStream?.apiErrors ?? 0
            totals.level = facts.options.apiLevel
            next(totals)
        }
    }

    /// All streams by name. `next` runs on loop 0, and has to be short.
    func streamReports(
        withConsumers: Bool, _ next: @escaping @Sendable ([Broker.StreamReport]) -> Void
    ) {
        guard let broker else { return next([]) }
        let home = home
        home.post {
            let catalog = broker.catalog
            let names = catalog.accounts.flatMap { account in
                catalog.streamNames(in: account).map { (account: account, name: $0) }
            }
            Self.collect(names[...], [], broker, home, withConsumers: withConsumers, next)
        }
    }

    private static func collect(
        _ rest: ArraySlice<(account: String, name: String)>, _ found: [Broker.StreamReport], _ broker: Broker,
        _ home: EventLoop, withConsumers: Bool,
        _ next: @escaping @Sendable ([Broker.StreamReport]) -> Void
    ) {
        var found = found
        for stream in rest.prefix(streamsPerTurn) {
            let report = broker.streamReport(
                named: stream.name, in: stream.account, withConsumers: withConsumers)
            if let report { found.append(report) }
        }
        let rest = rest.dropFirst(streamsPerTurn)
        if rest.isEmpty { return next(found) }
        let soFar = found
        home.post {
            collect(rest, soFar, broker, home, withConsumers: withConsumers, next)
        }
    }
}

extension JetStreamOptions {
    /// The accounts that were asked for.
    fileprivate func page(
        of accounts: [JetStreamService.AccountReport]
    ) -> ArraySlice<JetStreamService.AccountReport> {
        let wanted = accounts.filter { account.isEmpty || $0.name == account }
        return wanted.dropFirst(offset).prefix(limit > 0 ? limit : .max)
    }
}

/// What all of JetStream holds and was asked.
struct JetStreamTotals: Sendable {
    var streams = Broker.StreamTotals()
    var accountCount = 0
    var accounts: [JetStreamService.AccountReport] = []
    var reservedMemory: UInt64 = 0
    var reservedStorage: UInt64 = 0
    var level = 0
    var apiTotal: UInt64 = 0
    var apiErrors: UInt64 = 0

    /// The members, into an object that is open.
    func write(to json: inout JSONWriter) {
        json.field("memory", streams.memoryByteCount)
        json.field("storage", streams.storageByteCount)
        json.field("reserved_memory", reservedMemory)
        json.field("reserved_storage", reservedStorage)
        json.field("accounts", accountCount)
        json.field("ha_assets", 0)
        json.name("api")
        json.beginObject()
        json.field("level", level)
        json.field("total", apiTotal)
        json.field("errors", apiErrors)
        json.endObject()
    }
}

extension ServerFacts.JetStreamFacts {
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.field("max_memory", maximumMemory)
        json.field("max_storage", maximumStorage)
        json.field("store_dir", folder)
        json.field("sync_interval", syncInterval ?? 0)
        // Everything is on the disk before it is acknowledged.
        if syncInterval == nil { json.field("sync_always", true) }
        if !domain.isEmpty { json.field("domain", domain) }
        json.field("strict", true)
        json.endObject()
    }
}
