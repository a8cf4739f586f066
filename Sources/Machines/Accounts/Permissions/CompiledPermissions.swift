import Bytes
public import ServerConfig
import Subjects
import Synchronization

/// What a user may publish and subscribe to, made once and shared by all of the user's connections.
///
/// It speaks of subjects, not of a protocol: a Kafka topic is asked for by its subject. Somebody
/// without such an object may do everything.
///
/// Source: nats-server 2.15, `client.setPermissions`, `canSubscribe` and `pubAllowed`.
public final class CompiledPermissions: Sendable {
    /// Never 0, and never given out twice by this process: what was found allowed for one may be
    /// remembered under it.
    public let id: UInt64
    /// Whether answers to what was received may be published, though other rules say no.
    public let responses: ResponsePermission?
    /// As they were given.
    public let options: PermissionsOptions

    private let publishAllow: SubjectRules?
    private let publishDeny: SubjectRules?
    private let subscribeAllow: SubjectRules?
    private let subscribeDeny: SubjectRules?

    private static let lastID = Atomic<UInt64>(0)

    /// - Parameter deniedToo: subjects that must not be published, whatever `options` say.
    /// - Throws: for the first entry that is no subject.
    public init(
        _ options: PermissionsOptions, deniedToo: [String] = []
    ) throws(InvalidPermission) {
        id = Self.lastID.add(1, ordering: .relaxed).newValue
        self.options = options
        responses = options.responses
        let publish = options.publish ?? SubjectPermission()
        // Who may answer may do nothing else, unless it is said.
        let answersOnly = responses != nil && publish.allow.isEmpty
        publishAllow =
            publish.allow.isEmpty && !answersOnly
            ? nil : try SubjectRules(publish.allow, withQueues: false)
        publishDeny = try Self.deny(publish.deny + deniedToo, withQueues: false)
        let subscribe = options.subscribe ?? SubjectPermission()
        subscribeAllow =
            subscribe.allow.isEmpty ? nil : try SubjectRules(subscribe.allow, withQueues: true)
        subscribeDeny = try Self.deny(subscribe.deny, withQueues: true)
    }

    private static func deny(
        _ entries: [String], withQueues: Bool
    ) throws(InvalidPermission) -> SubjectRules? {
        entries.isEmpty ? nil : try SubjectRules(entries, withQueues: withQueues)
    }

    /// Whether there is any subject that may not be published.
    public var limitsPublishing: Bool { publishAllow != nil || publishDeny != nil }

    /// Whether the rules let `subject` be published. That it answers a message is another matter:
    /// see ``ResponsePermits``.
    public func mayPublish(_ subject: RawSpan) -> Bool {
        if let publishAllow, !publishAllow.matches(subject) { return false }
        if let publishDeny, publishDeny.matches(subject) { return false }
        return true
    }

    public enum SubscribeVerdict: Equatable, Sendable {
        case allowed
        /// Allowed, but some of the messages are not to be delivered: ask ``mayReceive(_:)``.
        case filtered
        case refused
    }

    /// Whether somebody may subscribe to `filter`, in the queue group `queue` unless it is empty.
    ///
    /// With rules that name queues: `foo` allows the subject with any queue and without, `foo v1`
    /// with that queue only, and both together without a queue or with that one. What denies works
    /// the same.
    public func maySubscribe(to filter: RawSpan, queue: String) -> SubscribeVerdict {
        if let subscribeAllow {
            let wide = SubjectFilter(String(repairingUTF8: filter))
            // Not those whose `*` met a `>`: they are narrower.
            let rules = subscribeAllow.rules(for: filter)
                .filter { rule in wide.map { rule.filter.contains($0) } ?? false }
            guard Self.isNamed(rules, queue) else { return .refused }
        }
        guard let subscribeDeny else { return .allowed }
        if Self.isNamed(subscribeDeny.rules(for: filter), queue) { return .refused }
        guard let wanted = SubjectFilter(String(repairingUTF8: filter)), !wanted.isLiteral,
            subscribeDeny.plainFilters.contains(where: { $0.overlaps(wanted) })
        else { return .allowed }
        return .filtered
    }

    private static func isNamed(_ rules: [SubjectRules.Rule], _ queue: String) -> Bool {
        let queueRules = rules.compactMap(\.queue)
        if !queue.isEmpty, !queueRules.isEmpty {
            return queueRules.contains { $0.matches(queue) }
        }
        return queueRules.count < rules.count
    }

    /// Whether a message with `subject` may come through a subscription that is
    /// ``SubscribeVerdict/filtered``.
    public func mayReceive(_ subject: RawSpan) -> Bool {
        guard let subscribeDeny else { return true }
        return !subscribeDeny.rules(for: subject).contains { $0.queue == nil }
    }
}
