public import Accounts
public import Logging
import NATSProtocol
import Platform
public import ServerConfig
import Synchronization
public import Transport

/// The NATS side of the server: an open port, sessions on all loops, an index of subscriptions for
/// each account.
public final class NATSService: @unchecked Sendable {
    /// As of the last reload. Any thread.
    public var options: NATSServerOptions { latestOptions.withLock { $0.options } }
    private let latestOptions: Mutex<SharedOptions>
    let clientLog: ClientLog?
    /// The real one, once started.
    public private(set) var port = 0
    /// Who may talk to whom.
    public let accounts: AccountRegistry
    /// How the broker publishes to the clients of `$G`; for loop 0.
    public var routing: NATSRouter { homeRouters.global }
    private let homeRouters: HomeRouters

    /// Reloads the configuration, for a request by the system account: says why not, or nil. To be set
    /// before the start.
    public var onReload: (@Sendable (_ done: @escaping @Sendable (String?) -> Void) -> Void)?
    /// Since the start.
    private(set) var system: SystemService?

    /// Where reports about the server are made; to be set before the start. Not retained.
    public weak var reports: (any ServerReporting)?

    /// Who may connect.
    let authenticator: Authenticator
    let keys = ServerKeys()
    /// Questions to callout services.
    let callouts = CalloutTable()
    /// Told of all accounts that have JWTs, whenever one was found or changed; to be set before the
    /// start. Called on any thread.
    public var onAccountsChanged: (@Sendable ([AccountOptions]) -> Void)?

    /// What is the same in the INFO of each client until a reload.
    var info = ServerInfo()
    let loops: [EventLoop]
    private let contexts: [LoopContext]
    private let hub: CaptureHub
    /// Each loop's own.
    var sessions: [SessionList] = []
    private(set) var listener: Listener?
    var webSocketListener: Listener?
    /// How new connections of each port begin.
    let plans: Mutex<ListenerPlans>
    /// How many connections each loop has, or is about to get.
    let loads: Mutex<[Int]>
    let lastClientID = Atomic<UInt64>(0)
    let counters = ServiceCounters()
    let closedConnections: ClosedConnections
    private let stopping = Atomic<Bool>(false)
    let lameDuck = Atomic<Bool>(false)

    /// The sessions of one loop, by connection. For that loop only.
    final class SessionList: @unchecked Sendable {
        var all: [UInt64: ClientSession] = [:]
        /// What sessions begin with.
        var options: SharedOptions

        init(_ options: SharedOptions) { self.options = options }
    }

    /// - Parameters:
    ///   - directory: who may connect; nil lets everybody in.
    ///   - log: where to say what becomes of clients; nil says nothing.
    public init(
        loops group: EventLoopGroup, options: NATSServerOptions,
        directory: AccountDirectory? = nil, log: Logger? = nil
    ) {
        authenticator = Authenticator(
            directory ?? AccountDirectory(), loopCount: group.loops.count)
        clientLog = log.map { ClientLog($0) }
        var options = options
        if options.serverID.isEmpty { options.serverID = keys.signing.publicKey.text }
        if options.serverName.isEmpty { options.serverName = options.serverID }
        let shared = SharedOptions(options)
        latestOptions = Mutex(shared)
        plans = Mutex(ListenerPlans(options))
        closedConnections = ClosedConnections(limit: options.maximumClosedClients)
        loops = group.loops
        let hub = CaptureHub(home: group.loops[0], serverName: options.serverName)
        self.hub = hub
        contexts = group.loops.map { LoopContext(loop: $0, hub: hub) }
        accounts = AccountRegistry(contexts: contexts)
        homeRouters = HomeRouters(accounts, home: group.loops[0])
        sessions = loops.map { _ in SessionList(shared) }
        loads = Mutex(loops.map { _ in 0 })
    }

    /// Opens the port. Before or after the loops start.
    ///
    /// - Parameter inbox: takes what clients publish to the subjects given to
    ///   ``addCapture(_:of:)``. Not retained.
    public func start(inbox: (any InternalInbox)? = nil) throws(TransportError) {
        let options = options
        let listener = try Listener(host: options.host, port: options.port)
        self.listener = listener
        port = listener.port
        setTLSFields()
        info.serverID = options.serverID
        info.xkey = keys.sealing.publicKey.text
        info.serverName = options.serverName
        info.version = options.version
        (info.host, info.port) = options.advertised(port: port)
        info.maximumPayload = options.maximumPayload
        info.jetStream = options.jetStream
        info.domain = options.jetStream ? options.domain : ""
        info.apiLevel = options.apiLevel
        hub.inbox = inbox
        let system = SystemService(self)
        self.system = system
        system.start()
        for (loop, context) in zip(loops, contexts) {
            let sessions = sessions[loop.index]
            context.onExhausted = { [unowned self] in exhausted($0, on: loop) }
            loop.post { [unowned self] in
                loop.atTurnEnd { [unowned context] in context.endTurn() }
                checkKeepalive(of: sessions, on: loop)
            }
        }
        try listenForWebSockets()
        listener.start(on: loops[0]) { [unowned self] in accept($0, as: plans.withLock { $0.client }) }
    }

    /// Closes the port; the connections end with their loops.
    public func stop() {
        stopping.store(true, ordering: .relaxed)
        authenticator.workers.stop()
        guard let listener else { return }
        loops[0].post { [system, webSocketListener] in
            listener.close()
            webSocketListener?.close()
            system?.tellEnd("SHUTDOWN")
        }
    }

    /// How the server publishes to the clients of `account`; for loop 0.
    public func routing(for account: AccountRouting) -> NATSRouter {
        homeRouters.router(for: account)
    }

    // MARK: Options

    /// Takes new limits and times while clients are connected. Host, port, name and JetStream stay as they were at the
    /// start. Any thread.
    public func reload(_ new: NATSServerOptions) {
        let shared = latestOptions.withLock { latest in
            var options = latest.options
            options.maximumPayload = new.maximumPayload
            options.maximumControlLine = new.maximumControlLine
            options.maximumConnections = new.maximumConnections
            options.pingIntervalNanoseconds = new.pingIntervalNanoseconds
            options.maximumPingsOut = new.maximumPingsOut
            options.writeDeadlineNanoseconds = new.writeDeadlineNanoseconds
            options.noFastProducerStall = new.noFastProducerStall
            options.clientAdvertise = new.clientAdvertise
            latest = SharedOptions(options)
            return latest
        }
        clientLog?.reload()
        let loads = loads.withLock { $0 }
        var excess = loads.reduce(0, +) - new.maximumConnections
        for (loop, list) in zip(loops, sessions) {
            let farewells = max(0, min(excess, loads[loop.index]))
            excess -= farewells
            loop.post {
                list.options = shared
                for session in list.all.values { session.take(shared) }
                // Any will do, as with nats-server.
                for session in list.all.values.prefix(farewells) { session.refuse(.tooManyConnections) }
            }
        }
    }

    /// On that loop.
    func sharedOptions(on loop: EventLoop) -> SharedOptions { sessions[loop.index].options }

    /// On the connection's loop: what is the same in the INFO of each client that came by the same port.
    func info(for connection: Connection) -> ServerInfo {
        var info = info(for: connection.kind)
        info.maximumPayload = sharedOptions(on: connection.loop).options.maximumPayload
        return info
    }

    // MARK: What the server itself subscribes to

    /// Gives the inbox what clients publish to `filter`. May be called more than once for a filter,
    /// and then has to be taken back as often. Any thread.
    ///
    /// - Parameter account: nil is `$G`.
    public func addCapture(
        _ tag: CaptureTag, of filter: String, in account: AccountRouting? = nil
    ) {
        (account ?? accounts.global).index.add(.capture(tag), for: Array(filter.utf8))
    }

    /// - Returns: whether it was there.
    @discardableResult
    public func removeCapture(
        _ tag: CaptureTag, of filter: String, in account: AccountRouting? = nil
    ) -> Bool {
        (account ?? accounts.global).index.remove(.capture(tag), for: Array(filter.utf8))
    }

    // MARK: Numbers

    /// What has been done for all accounts since the start. Any thread; the numbers may be a moment old.
    public var statistics: RouterStatistics {
        accounts.all.reduce(RouterStatistics()) { $0 + $1.statistics }
    }

    /// What happened to clients since the start. Any thread.
    public var clientStatistics: ServiceStatistics { counters.now }

    /// Whether ``enterLameDuck(_:)`` was called. Any thread.
    public var isLameDuck: Bool { lameDuck.load(ordering: .relaxed) }

    /// Whether ``stop()`` was called.
    var isStopping: Bool { stopping.load(ordering: .relaxed) }

    public var clientCount: Int { loads.withLock { $0.reduce(0, +) } }
    public var subscriptionCount: Int {
        accounts.all.reduce(0) { $0 + $1.subscriptionCount }
    }

    // MARK: Sessions

    /// The loop with the fewest connections, by chance where there are several: clients that come
    /// in pairs must not all be split in the same way. Who comes alone goes to the streams' loop, and
    /// waits for no other thread.
    func leastLoaded() -> Int {
        loads.withLock { loads in
            let least = loads.min()!
            let isEmpty = loads.allSatisfy { $0 == 0 }
            let choice = isEmpty ? 0 : loads.indices.filter { loads[$0] == least }.randomElement()!
            loads[choice] += 1
            return choice
        }
    }

    func begin(_ session: ClientSession, on loopIndex: Int) {
        sessions[loopIndex].all[session.connection.id] = session
        counters.totalConnections.add(1, ordering: .relaxed)
        session.begin()
        if clientCount > sessions[loopIndex].options.options.maximumConnections { session.refuse(.tooManyConnections) }
    }

    func remember(_ report: ConnectionReport) { closedConnections.append(report) }

    func ended(_ session: ClientSession, _ reason: CloseReason, on loopIndex: Int) {
        switch reason {
        case .pendingBytes, .writeDeadline:
            counters.slowConsumers.add(1, ordering: .relaxed)
            session.router.account.countSlowConsumer()
        case .staleConnection: counters.staleConnections.add(1, ordering: .relaxed)
        default: break
        }
        loads.withLock { $0[loopIndex] -= 1 }
        sessions[loopIndex].all[session.connection.id] = nil
    }

    private func exhausted(_ subscription: Subscription, on loop: EventLoop) {
        let home = subscription.connection.loop
        let list = sessions[home.index]
        let id = subscription.connection.id
        if home === loop {
            list.all[id]?.forget(subscription)
        } else {
            home.post { list.all[id]?.forget(subscription) }
        }
    }

    /// Runs `body` with the session of a connection, on its loop, if it is still there then. Any
    /// thread.
    func withSession(
        of connection: Connection, _ body: @escaping @Sendable (ClientSession) -> Void
    ) {
        let list = sessions[connection.loop.index]
        connection.loop.post { list.all[connection.id].map(body) }
    }

    private func checkKeepalive(of list: SessionList, on loop: EventLoop) {
        let now = loop.monotonicNanoseconds
        for session in list.all.values { session.checkKeepalive(now) }
        loop.schedule(afterNanoseconds: 250_000_000) { [unowned self] in
            checkKeepalive(of: list, on: loop)
        }
    }
}
