import Bytes
import NATSProtocol
import Platform
import Subjects
import Transport

extension ClientSession {
    /// SUB. A sid that is in use keeps its first subscription, without a word.
    func subscribe(_ parser: inout ClientParser, _ bytes: RawSpan) {
        let filter = bytes.extracting(parser.subject.start..<parser.subject.end)
        let group = bytes.extracting(parser.queue.start..<parser.queue.end)
        let name = bytes.extracting(parser.sid.start..<parser.sid.end)
        guard let rights = rights(to: filter, queue: group) else {
            return refuseSubscription(filter, queue: group, sid: name)
        }
        let queue = [UInt8](copying: group)
        if queue.elementsEqual("_sys_".utf8) {
            return refuse(
                .queueDenied(subject: String(repairingUTF8: filter), queue: "_sys_"))
        }
        let tokenLimit = shared.options.maximumSubscriptionTokens
        if tokenLimit > 0, SubjectBytes.tokenCount(filter) > tokenLimit {
            return refuse(.tooManyTokens(subject: String(repairingUTF8: filter)))
        }
        // Also for a sid that is in use.
        if subscriptions.count >= maximumSubscriptions { return refuse(.tooManySubscriptions) }
        let sid = [UInt8](copying: name)
        if subscriptions[sid] == nil {
            guard SubjectBytes.isValidFilter(filter) else { return refuse(.invalidSubject) }
            var traits: Subscription.Traits = []
            if habits.contains(.noEcho) { traits.insert(.noEcho) }
            if !habits.contains(.headers) { traits.insert(.noHeaders) }
            if sid.count > Recipient.longestInlineSID { traits.insert(.longSID) }
            if shared.options.noFastProducerStall { traits.insert(.skippedWhenFull) }
            let subscription = Subscription(
                connection: connection, sid: sid, filter: [UInt8](copying: filter),
                queue: queue, traits: traits)
            if permissions != nil { subscription.restrict(rights) }
            subscriptions[sid] = subscription
            router.index.add(subscription)
            addImports(of: subscription)
            router.epoch &+= 1
        }
        if habits.contains(.verbose) { connection.write(ServerLine.ok) }
    }

    /// UNSUB. With a maximum it goes when that many messages have come in all.
    func unsubscribe(_ parser: inout ClientParser, _ bytes: RawSpan) {
        let sid = [UInt8](copying: bytes.extracting(parser.sid.start..<parser.sid.end))
        if let subscription = subscriptions[sid] {
            if parser.maximum > 0, subscription.limit(to: parser.maximum) {
                router.index.touch(subscription)
                touchImports(of: sid)
            } else {
                remove(subscription)
            }
            router.epoch &+= 1
        }
        if habits.contains(.verbose) { connection.write(ServerLine.ok) }
    }

    func remove(_ subscription: Subscription) {
        forget(subscription)
        router.index.remove(subscription)
        router.epoch &+= 1
    }

    /// A router has taken it out of the index, since its maximum is reached.
    func forget(_ subscription: Subscription) {
        if subscriptions[subscription.sid] === subscription {
            subscriptions[subscription.sid] = nil
            removeImports(of: subscription.sid)
        }
    }

    func removeAllSubscriptions() {
        for subscription in subscriptions.values { router.index.remove(subscription) }
        for sid in Array(shadows.keys) { removeImports(of: sid) }
        FreeMemory.count(subscriptions.count * Subscription.aboutByteCount)
        subscriptions = SubscriptionTable()
        router.epoch &+= 1
    }

    /// The connection has ended. Nobody else waits while very many go: they leave the index in
    /// pieces, one in a turn.
    func abandonSubscriptions() {
        for sid in Array(shadows.keys) { removeImports(of: sid) }
        let leftover = AbandonedSubscriptions(subscriptions, router)
        subscriptions = SubscriptionTable()
        leftover.removeSome()
    }

    /// A subscription of this client, in no queue group, that would get `subject`.
    func plainSubscription(matching subject: RawSpan) -> Subscription? {
        var matches: [Subscription] = []
        var interests: [InternalInterest] = []
        router.index.match(subject, &matches, &interests)
        return matches.first { $0.connection === connection && $0.queue.isEmpty }
    }

    func isLiteral(_ subject: RawSpan) -> Bool { SubjectBytes.isLiteral(subject) }
}

extension Subscription {
    /// What one takes, with its place in the index, about.
    fileprivate static let aboutByteCount = 512
}

/// What a client that has gone leaves in the index. For its loop only.
private final class AbandonedSubscriptions: @unchecked Sendable {
    private var rest: SubscriptionTable
    private let router: LoopRouter
    private let total: Int

    init(_ all: SubscriptionTable, _ router: LoopRouter) {
        rest = all
        total = all.count
        self.router = router
    }

    /// Some now, the others in the next turns.
    func removeSome() {
        for subscription in rest.takeSome() { router.index.remove(subscription) }
        router.epoch &+= 1
        if rest.count == 0 {
            FreeMemory.count(total * Subscription.aboutByteCount)
        } else {
            router.loop.post { self.removeSome() }
        }
    }
}
