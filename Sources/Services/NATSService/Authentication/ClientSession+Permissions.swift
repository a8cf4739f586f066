import Accounts
import Bytes
import Model
import NATSProtocol
import Transport

/// What the client may do, from the moment it was let in.
extension ClientSession {
    /// The client is `new` from now on.
    func take(_ new: Identity) {
        identity = new
        permissions = new.permissions
        answerPermits = new.permissions?.responses.map { ResponsePermits($0) }
        if permissions?.limitsPublishing == true {
            habits.insert(.restricted)
        } else {
            habits.remove(.restricted)
        }
        learnLimits()
        armExpiry()
    }

    /// Works out the limits of this client, which are the tighter ones of the server's and its own.
    func learnLimits() {
        let options = shared.options
        maximumPayload = options.maximumPayload
        if identity.limits.maximumPayload >= 0 {
            maximumPayload = min(maximumPayload, Int(clamping: identity.limits.maximumPayload))
        }
        maximumSubscriptions = options.maximumSubscriptions > 0 ? options.maximumSubscriptions : .max
        if identity.limits.maximumSubscriptions >= 0 {
            maximumSubscriptions = min(
                maximumSubscriptions, Int(clamping: identity.limits.maximumSubscriptions))
        }
    }

    private func armExpiry() {
        if let expiryTimer { connection.loop.cancel(expiryTimer) }
        expiryTimer = nil
        guard let expiry = identity.expiry else { return }
        let left = expiry.nanoseconds - connection.loop.now.nanoseconds
        expiryTimer = connection.loop.schedule(afterNanoseconds: max(0, left)) { [weak self] in
            guard let self, connection.isOpen else { return }
            refuse(identity.endsWithAccount ? .accountExpired : .userExpired)
        }
    }

    /// Whether the permissions let the client publish this. Says so where they do not.
    func isAllowedToPublish(_ subject: RawSpan, _ entry: MatchCache.Entry) -> Bool {
        guard let permissions, entry.pointee.allowedPublisher != permissions.id else { return true }
        if permissions.mayPublish(subject) {
            entry.pointee.allowedPublisher = permissions.id
            return true
        }
        if let answerPermits,
            answerPermits.use(subject, now: connection.loop.monotonicNanoseconds)
        {
            return true
        }
        let text = String(repairingUTF8: subject)
        refuse(.publishDenied(subject: text))
        service.clientLog?.publishDenied(text, self)
        return false
    }

    /// What the client may receive by a subscription; nil where it may not subscribe.
    func rights(to filter: RawSpan, queue: RawSpan) -> ReceiverRights? {
        guard let permissions else { return ReceiverRights() }
        var rights = ReceiverRights()
        switch permissions.maySubscribe(to: filter, queue: String(repairingUTF8: queue)) {
        case .allowed: break
        case .filtered: rights.filter = permissions
        case .refused: return nil
        }
        rights.answers = answerPermits.map {
            ReceiverRights.Answers(permissions: permissions, permits: $0)
        }
        return rights
    }

    func refuseSubscription(_ filter: RawSpan, queue: RawSpan, sid: RawSpan) {
        let subject = String(repairingUTF8: filter)
        let group = String(repairingUTF8: queue)
        refuse(
            group.isEmpty
                ? .subscriptionDenied(subject: subject)
                : .queueDenied(subject: subject, queue: group))
        service.clientLog?.subscriptionDenied(
            subject, queue: group, sid: String(repairingUTF8: sid), self)
    }

    // MARK: Reload

    /// The configuration or an account has changed: the client stays with what it may do now, or
    /// goes.
    func renewIdentity(_ directory: AccountDirectory) {
        guard phase == .ready, connection.isOpen else { return }
        guard let new = directory.renew(
            identity, connectionType: connectionType, now: connection.loop.now)
        else {
            if directory.hasRevoked(identity) { return refuse(.userRevoked) }
            if directory.hasMoved(identity) { return end(.clientClosed) }
            service.clientLog?.violated(self, nil, directory)
            return refuse(.authorizationViolation)
        }
        // Answers that are under way stay allowed where the rule for them is the same.
        let permits = new.permissions?.responses == permissions?.responses ? answerPermits : nil
        take(new)
        if let permits { answerPermits = permits }
        // In the order of their numbers, where they have numbers.
        let inOrder = subscriptions.values.sorted {
            $0.sid.count == $1.sid.count
                ? $0.sid.lexicographicallyPrecedes($1.sid) : $0.sid.count < $1.sid.count
        }
        for subscription in inOrder { renew(subscription) }
    }

    private func renew(_ subscription: Subscription) {
        let (filter, queue) = (subscription.filter, subscription.queue)
        if let rights = rights(to: filter.span.bytes, queue: queue.span.bytes) {
            subscription.restrict(rights)
            router.index.touch(subscription)
            touchImports(of: subscription.sid)
            return router.epoch &+= 1
        }
        remove(subscription)
        let subject = String(decoding: subscription.filter, as: UTF8.self)
        let sid = String(decoding: subscription.sid, as: UTF8.self)
        let group = String(decoding: queue, as: UTF8.self)
        refuse(.subscriptionRemoved(subject: subject, queue: group, sid: sid))
        service.clientLog?.subscriptionRemoved(subject, queue: group, sid: sid, self)
    }
}
