import Accounts
import Bytes
import Subjects
import Synchronization

/// What a client's permissions mean for the messages of one of its subscriptions.
struct ReceiverRights {
    /// Messages are held back that these do not let through; nil holds back none.
    var filter: CompiledPermissions?
    /// Where it is noted that the client may answer; nil where it publishes freely.
    var answers: Answers?

    struct Answers {
        let permissions: CompiledPermissions
        let permits: ResponsePermits
    }
}

extension Subscription {
    /// Routers have to look again afterwards: see ``SubscriptionIndex/touch(_:)``.
    func restrict(_ new: ReceiverRights) {
        rights.withLock { $0 = new }
        isRestricted.store(new.filter != nil || new.answers != nil, ordering: .releasing)
    }

    /// Whether messages of this subject come through. Any loop, when a match is made.
    func mayReceive(_ subject: RawSpan) -> Bool {
        if let origin { return origin.mayReceive(subject, as: mapping) }
        guard isRestricted.load(ordering: .acquiring) else { return true }
        let filter = rights.withLock { $0.filter }
        return filter?.mayReceive(subject) ?? true
    }

    /// What another account's subject is called here decides.
    private func mayReceive(_ subject: RawSpan, as mapping: SubjectTransform?) -> Bool {
        guard isRestricted.load(ordering: .acquiring),
            let shown = mapping?.apply(to: subject)
        else { return mayReceive(subject) }
        return mayReceive(shown.span.bytes)
    }

    var givesAnswers: Bool {
        if let origin { return origin.givesAnswers }
        return isRestricted.load(ordering: .acquiring) && rights.withLock { $0.answers != nil }
    }

    /// A message that asks for an answer is delivered. Any loop.
    func permitAnswer(to reply: RawSpan, now: Int64) {
        if let origin { return origin.permitAnswer(to: reply, now: now) }
        guard let answers = rights.withLock({ $0.answers }),
            !answers.permissions.mayPublish(reply)
        else { return }
        answers.permits.give(reply, now: now)
    }
}
