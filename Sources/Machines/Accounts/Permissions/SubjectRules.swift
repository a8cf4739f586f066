import Bytes
import Subjects

/// Subject filters, some of them with a queue group: one side, allow or deny, of what somebody may
/// do.
struct SubjectRules: Sendable {
    private var trie = SubscriptionTrie<Rule>()
    /// Those without a queue.
    private(set) var plainFilters: [SubjectFilter] = []

    struct Rule: Equatable, Sendable {
        var filter: SubjectFilter
        /// Nil: with any queue, or with none.
        var queue: QueueRule?
    }

    /// The name of a queue group, or a filter for such names.
    struct QueueRule: Equatable, Sendable {
        var name: String
        var filter: SubjectFilter?

        init(_ name: String) {
            self.name = name
            if let filter = SubjectFilter(name), !filter.isLiteral { self.filter = filter }
        }

        /// The name itself first, since `*` and `>` may be names.
        func matches(_ queue: String) -> Bool {
            if queue == name { return true }
            guard let filter, let other = SubjectFilter(queue) else { return false }
            return filter.contains(other)
        }
    }

    /// - Parameter entries: `subject`, or `subject queue` where that is allowed.
    init(_ entries: [String], withQueues: Bool) throws(InvalidPermission) {
        for entry in entries {
            let parts = entry.split(whereSeparator: \.isWhitespace)
            guard (1...(withQueues ? 2 : 1)).contains(parts.count),
                let filter = SubjectFilter(String(parts[0]))
            else { throw InvalidPermission(entry: entry) }
            let queue = parts.count == 2 ? QueueRule(String(parts[1])) : nil
            if queue == nil { plainFilters.append(filter) }
            trie.insert(Rule(filter: filter, queue: queue), for: Array(filter.text.utf8).span.bytes)
        }
    }

    /// Whether a rule, whatever its queue, matches `subject`.
    func matches(_ subject: RawSpan) -> Bool { trie.hasMatch(subject) }

    /// The rules for `filter`. Wildcards in it are letters like others, so these are the rules that
    /// are at least as wide, and those whose `*` stands where it has `>`.
    func rules(for filter: RawSpan) -> [Rule] {
        var found: [Rule] = []
        trie.collect(filter, into: &found)
        return found
    }
}

/// An entry of a permission list that is no subject, or has a queue where none may be.
public struct InvalidPermission: Error, Equatable, Sendable, CustomStringConvertible {
    public var entry: String

    public init(entry: String) { self.entry = entry }

    public var description: String { "invalid subject \"\(entry)\" in permissions" }
}
