public import Broker
import Bytes
import Transport

/// What the broker sends to the NATS clients of one account, from loop 0.
public final class NATSRouter: NATSRouting {
    private let router: LoopRouter
    var account: AccountRouting { router.account }
    private var interests: [String: Interest] = [:]

    private struct Interest {
        var stamp: SubscriptionIndex.Stamp
        var isThere: Bool
    }

    private unowned let all: HomeRouters

    init(_ router: LoopRouter, _ all: HomeRouters) {
        self.router = router
        self.all = all
    }

    public func routing(ofAccount name: String) -> any NATSRouting {
        name == account.name ? self : all.router(for: all.accounts.account(named: name))
    }

    public func hasInterest(inSubjectsOf prefix: String) -> Bool {
        if let known = interests[prefix], router.index.isCurrent(known.stamp) {
            return known.isThere
        }
        let exact = Array(prefix.utf8)
        let below = exact + Array(".>".utf8)
        let stamp = router.index.stamp(for: exact.span.bytes)
        let isThere =
            router.index.hasClientMatch(exact.span.bytes)
            || router.index.hasClientOverlap(below.span.bytes)
        if interests.count >= 10_000 { interests = [:] }
        interests[prefix] = Interest(stamp: stamp, isThere: isThere)
        return isThere
    }

    public func hasInterest(_ subject: RawSpan) -> Bool { router.index.hasClientMatch(subject) }

    public func isTaken(_ subject: RawSpan) -> Bool { router.index.hasMatch(subject) }

    @discardableResult
    public func publish(
        subject: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool {
        send(subject, to: subject, reply, headers, payload, captures: false)
    }

    /// Sends answers that were put together before.
    func publish(_ replies: ReplyBatch) {
        router.loop.preconditionOnLoop()
        // Subscriptions may have changed since the last look. Whoever waits for one of these answers asked after it had
        // subscribed, and that was before.
        router.begin()
        let hadCaptured = router.hasCaptured
        router.routeReplies(replies)
        // Perhaps the routers' part of this turn is over.
        if !hadCaptured, router.hasCaptured { router.loop.post {} }
    }

    /// Publishes as the server itself, and streams that take the subject capture it: advisories.
    @discardableResult
    public func publishCaptured(
        subject: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool {
        send(subject, to: subject, reply, headers, payload, captures: true)
    }

    @discardableResult
    public func deliver(
        subject: RawSpan, to inbox: RawSpan, reply: RawSpan?, headers: RawSpan?, payload: RawSpan
    ) -> Bool {
        send(subject, to: inbox, reply, headers, payload, captures: false)
    }

    private func send(
        _ subject: RawSpan, to inbox: RawSpan, _ reply: RawSpan?, _ headers: RawSpan?,
        _ payload: RawSpan, captures: Bool
    ) -> Bool {
        router.loop.preconditionOnLoop()
        // Subscriptions may have changed since the last look.
        router.begin()
        let nothing = payload.extracting(0..<0)
        var block = nothing
        if let headers { block = headers }
        var replyTo = nothing
        if let reply { replyTo = reply }
        let hadCaptured = router.hasCaptured
        let isTaken = router.routePieces(
            subject: subject, to: inbox, reply: replyTo,
            headerByteCount: block.byteCount, hasHeaders: block.byteCount > 0, headers: block,
            payload: payload, publisherID: 0,
            origin: MessageOrigin(
                captures: captures,
                inbox: subject.hasSameBytes(as: inbox) ? nil : [UInt8](copying: inbox)))
        // Perhaps the routers' part of this turn is over.
        if !hadCaptured, router.hasCaptured { router.loop.post {} }
        return isTaken
    }
}

/// The server's own publishers, one for each account that it has something to say in. For loop 0.
final class HomeRouters {
    let accounts: AccountRegistry
    /// Of `$G`.
    private(set) lazy var global = NATSRouter(accounts.global.router(on: home), self)
    private let home: EventLoop
    private var others: [String: NATSRouter] = [:]

    init(_ accounts: AccountRegistry, home: EventLoop) {
        self.accounts = accounts
        self.home = home
    }

    func router(for account: AccountRouting) -> NATSRouter {
        if account === accounts.global { return global }
        if let known = others[account.name], known.account === account { return known }
        let new = NATSRouter(account.router(on: home), self)
        others[account.name] = new
        return new
    }
}
