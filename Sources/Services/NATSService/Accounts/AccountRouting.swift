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

    // MARK: Numbers. Any thread; they may be a moment old.

    /// What the clients of this account have sent and got since the start.
    public var statistics: RouterStatistics {
        (routers.withLock { $0 } ?? []).reduce(RouterStatistics()) { sum, router in
            router.map { sum + $0.publishedStatistics } ?? sum
        }
    }

    public var clientCount: Int { clients.load(ordering: .relaxed) }
    public var subscriptionCount: Int { index.clientSubscriptionCount }
}
