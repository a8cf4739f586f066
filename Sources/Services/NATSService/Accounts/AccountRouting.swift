import Bytes
import Subjects
import Synchronization
import Transport

/// One account as messages see it: who subscribes there, and on each loop a router of its own.
///
/// A session is handed its account's router once, when it enters the account; from then on a
/// message costs the same whether there is one account or a thousand. The subjects of two accounts
/// never meet, but through exports and imports.
public final class AccountRouting: @unchecked Sendable {
    /// The account that everybody is in who has not been put into another.
    public static let globalName = "$G"
    /// The account in which the server speaks about itself, unless another one is named for that.
    public static let systemName = "$SYS"

    public let name: String
    let index = SubscriptionIndex()
    private let contexts: [LoopContext]
    /// Made when the loop first needs one; each is for its own loop only. Nil once the account is
    /// closed.
    private let routers: Mutex<[LoopRouter?]?>
    private let clients = Atomic<Int>(0)
    private let slowConsumers = Atomic<UInt64>(0)
    private let sharing = Mutex(Sharing())
    /// Requests from other accounts that wait for answers.
    let responses = ResponseTable()
    private let expectsResponses = Atomic<Bool>(false)

    /// What the configuration says of an account's subjects.
    struct Sharing {
        var mappings = SubjectMappings()
        var streamImports: [StreamImport] = []
        var serviceImports: [ServiceImport] = []
    }

    init(name: String, contexts: [LoopContext]) {
        self.name = name
        self.contexts = contexts
        routers = Mutex(contexts.map { _ in nil })
    }

    /// The account's router on `loop`. On that loop, or before it runs.
    func router(on loop: EventLoop) -> LoopRouter {
        routers.withLock { routers in
            if let router = routers?[loop.index] { return router }
            let router = LoopRouter(contexts[loop.index], account: self)
            routers?[loop.index] = router
            return router
        }
    }

    /// Lets go of the routers, which hold on to the account. Sessions keep theirs.
    func close() { routers.withLock { $0 = nil } }

    func entered() { clients.add(1, ordering: .relaxed) }
    func left() { clients.subtract(1, ordering: .relaxed) }

    // MARK: Mappings, imports and exports. Any thread.

    var mappings: SubjectMappings { sharing.withLock { $0.mappings } }
    var streamImports: [StreamImport] { sharing.withLock { $0.streamImports } }

    /// What becomes of a request from another account.
    func mapped(_ subject: RawSpan, random: UInt64) -> SubjectMappings.Outcome {
        let mappings = mappings
        return mappings.isEmpty ? .same : mappings.outcome(of: subject, random: random)
    }

    /// From now on these hold. Sessions have to be told.
    func replace(_ new: Sharing) {
        let old = sharing.withLock { sharing in
            defer { sharing = new }
            return sharing
        }
        for service in old.serviceImports { index.remove(.service(service), for: service.local) }
        for service in new.serviceImports { index.add(.service(service), for: service.local) }
    }

    /// - Returns: the reply subject that a service of this account sees.
    func expect(_ request: ResponseTable.Request, now: Int64) -> [UInt8] {
        if !expectsResponses.exchange(true, ordering: .acquiringAndReleasing) {
            index.add(.responses(responses), for: responses.filter)
        }
        return responses.expect(request, now: now)
    }

    // MARK: Numbers. Any thread; they may be a moment old.

    /// What the clients of this account have sent and got since the start.
    public var statistics: RouterStatistics {
        (routers.withLock { $0 } ?? []).reduce(RouterStatistics()) { sum, router in
            router.map { sum + $0.publishedStatistics } ?? sum
        }
    }

    public var clientCount: Int { clients.load(ordering: .relaxed) }
    public var subscriptionCount: Int { index.clientSubscriptionCount }
    /// How often subscriptions changed, and how often they were searched.
    public var indexStatistics: IndexStatistics { index.statistics }
    /// Clients that were cut off because they took too little.
    public var slowConsumerCount: UInt64 { slowConsumers.load(ordering: .relaxed) }

    func countSlowConsumer() { slowConsumers.add(1, ordering: .relaxed) }
}
