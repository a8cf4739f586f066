public import Broker
import Bytes
public import Catalog
import JetStream
import JetStreamAPI
import Model
import Transport

/// JetStream as NATS clients see it: captures what they publish to streams, answers `$JS.API`, takes acks. On loop 0.
///
/// What a turn captured is decided as one block; its answers wait, together, for the durable mark.
public final class JetStreamService: InternalInbox, CatalogObserver, @unchecked Sendable {
    let broker: Broker
    let nats: NATSService
    /// The name of the server, which leads all streams.
    let serverName: String

    /// The filters whose publishes are captured, with the log they go to or the stream that spreads them over its logs.
    private var captures: [StreamID: (account: JetStreamAccount, subjects: [String])] = [:]
    private var accounts: [String: JetStreamAccount] = [:]
    /// Whose block is being read.
    private(set) var current: JetStreamAccount
    /// What accounts may keep, by name; the others have no JetStream.
    private var limits = [AccountRouting.globalName: AccountStreamLimits.none]
    /// Answers of this block that say something is kept.
    var durableReplies = DurableReplies()
    /// What waits for a stream's messages to be read.
    var held = HeldMessages()
    /// What is told of them, behind them.
    var durableAudits: [Advisory] = []

    public init(broker: Broker, nats: NATSService) {
        self.broker = broker
        self.nats = nats
        serverName = nats.options.serverName
        current = JetStreamAccount(
            nats.accounts.global, nats.routing, limits: AccountStreamLimits.none)
        accounts[current.name] = current
    }

    /// Begins to capture. After recovery, on the loop or before it runs.
    public func start() {
        let domain = nats.options.domain
        let nats = nats
        // Accounts without JetStream are told so.
        nats.accounts.forEach { account in
            nats.addCapture(.api, of: "$JS.API.>", in: account)
            if !domain.isEmpty { nats.addCapture(.api, of: "$JS.\(domain).API.>", in: account) }
            nats.addCapture(.acknowledgement, of: "$JS.ACK.>", in: account)
            nats.addCapture(.flowControl, of: "$JS.FC.>", in: account)
        }
        for stream in broker.catalog.streams.values { capture(stream) }
        broker.catalogObserver = self
    }

    public func received(_ block: CapturedBlock) {
        let account = account(block.account.name)
        current = account
        account.usage = nil
        let broker = broker
        block.forEach { message in
            switch message.tag {
            case .stream: publish(message, in: account, broker)
            case .api: answer(message)
            case .acknowledgement: acknowledge(message)
            case .flowControl: answerFlowControl(message)
            default: break
            }
        }
        if !durableReplies.isEmpty {
            let routing = current.router
            durableReplies.takeAll { replies, assurance in
                broker.whenDurable(assurance, clientCount: replies.count) { routing.publish(replies) }
            }
        }
        for audit in durableAudits { broker.publishWhenDurable(audit, to: current.name) }
        durableAudits.removeAll()
    }

    /// How many API requests came, and how many were answered with an error. On the loop.
    public var apiTotal: UInt64 { accounts.values.reduce(0) { $0 + $1.apiTotal } }
    public var apiErrors: UInt64 { accounts.values.reduce(0) { $0 + $1.apiErrors } }

    /// What an account with JetStream has and was asked.
    public struct AccountReport: Sendable {
        public var name: String
        public var usage: AccountUsage
        public var limits: AccountStreamLimits
        public var apiTotal: UInt64
        public var apiErrors: UInt64
    }

    /// The accounts that have JetStream, in alphabetical order. On the loop.
    public var accountReports: [AccountReport] {
        limits.sorted { $0.key < $1.key }.map { name, limits in
            AccountReport(
                name: name, usage: broker.usage(of: name), limits: limits,
                apiTotal: accounts[name]?.apiTotal ?? 0, apiErrors: accounts[name]?.apiErrors ?? 0)
        }
    }

    // MARK: Accounts

    /// Which accounts have JetStream from now on, and how much each may keep. On the loop, or before
    /// it runs.
    public func apply(_ limits: [String: AccountStreamLimits]) {
        self.limits = limits
        for account in accounts.values { account.limits = limits[account.name] }
        for id in Array(captures.keys) { release(id) }
        for stream in broker.catalog.streams.values { capture(stream) }
    }

    private func account(_ name: String) -> JetStreamAccount {
        if name == current.name { return current }
        if let known = accounts[name] { return known }
        let routing = nats.accounts.account(named: name)
        let account = JetStreamAccount(routing, nats.routing(for: routing), limits: limits[name])
        accounts[name] = account
        return account
    }

    // MARK: What is captured

    public func catalogChanged(_ record: CatalogRecord) {
        switch record {
        case .streamCreated(let new): if let stream = broker.catalog[new.id] { capture(stream) }
        case .streamUpdated(let id, _, _), .partitionsAdded(let id, _):
            release(id)
            if let stream = broker.catalog[id] { capture(stream) }
        case .streamDeleted(let id): release(id)
        case .topicConfigured, .consumerCreated, .consumerUpdated, .consumerDeleted: break
        }
    }

    private func capture(_ stream: StreamEntry) {
        let account = account(stream.account)
        guard account.limits != nil else { return }
        for subject in stream.subjects {
            nats.addCapture(.stream, of: subject, in: account.routing)
        }
        captures[stream.id] = (account, stream.subjects)
        account.targets.add(stream, broker, domain: nats.options.domain)
    }

    private func release(_ id: StreamID) {
        guard let (account, subjects) = captures.removeValue(forKey: id) else { return }
        for subject in subjects { nats.removeCapture(.stream, of: subject, in: account.routing) }
        account.targets.remove(id)
    }

    // MARK: Answering

    func reply(to inbox: RawSpan, _ body: [UInt8]) {
        guard inbox.byteCount > 0 else { return }
        current.router.publish(subject: inbox, reply: nil, headers: nil, payload: body.span.bytes)
    }

    func reply(to inbox: RawSpan, _ status: StatusReply) {
        guard inbox.byteCount > 0 else { return }
        let headers = status.headers
        current.router.publish(
            subject: inbox, reply: nil, headers: headers.span.bytes, payload: RawSpan())
    }
}

/// JetStream in one account. On loop 0.
final class JetStreamAccount {
    let routing: AccountRouting
    let router: NATSRouter
    /// Nil: the account has no JetStream.
    var limits: AccountStreamLimits?
    var targets = PublishTargets()
    /// Whose delivery was acked last.
    var lastAcked: LastAcked?
    var apiTotal: UInt64 = 0
    var apiErrors: UInt64 = 0
    /// What it keeps, counted at most once for a block of messages.
    var usage: AccountUsage?

    var name: String { routing.name }

    init(_ routing: AccountRouting, _ router: NATSRouter, limits: AccountStreamLimits?) {
        self.routing = routing
        self.router = router
        self.limits = limits
    }

    /// Whether a stream of the account may take a message.
    func hasRoom(for byteCount: Int, in storage: StreamConfig.Storage, _ broker: Broker) -> Bool {
        guard let most = storage == .memory ? limits?.memoryByteCount : limits?.storageByteCount
        else { return true }
        var known = usage ?? broker.usage(of: name)
        defer { usage = known }
        let count = UInt64(byteCount)
        if storage == .memory {
            guard known.memoryByteCount + count <= most else { return false }
            known.memoryByteCount += count
        } else {
            guard known.storageByteCount + count <= most else { return false }
            known.storageByteCount += count
        }
        return true
    }
}

/// A consumer by the names that stand in its ack subjects.
struct LastAcked {
    var consumer: StreamConsumer
    var stream: [UInt8]
    var name: [UInt8]
}
