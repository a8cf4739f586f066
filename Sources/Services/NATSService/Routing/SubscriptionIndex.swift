import Bytes
import Subjects
import Synchronization

/// All subscriptions of the server, behind a lock that nobody takes for a message whose match is
/// cached.
///
/// A cached match is good for as long as two generations stand still: that of its subject's first
/// token (tokens share a few hundred counters), and that of the filters that begin with a wildcard.
/// So the inboxes that come and go with requests do not disturb anybody else's matches.
final class SubscriptionIndex: Sendable {
    private struct Tries {
        var clients = SubscriptionTrie<Subscription>()
        var interests = SubscriptionTrie<InternalInterest>()
        var statistics = IndexStatistics()
    }

    private let tries = Mutex(Tries())
    private let generations: Generations

    private struct Generations: @unchecked Sendable {
        let base: UnsafeMutablePointer<Atomic<UInt64>>
    }

    static let shardCount = 512
    /// Room for so many filters is kept.
    private static let smallRoom = 1 << 16
    private static var wildcardShard: Int { shardCount }
    private static let seed = UInt64.random(in: .min ... .max)

    init() {
        generations = Generations(base: .allocate(capacity: Self.shardCount + 1))
        for index in 0...Self.shardCount { (generations.base + index).initialize(to: Atomic(1)) }
    }

    deinit { generations.base.deallocate() }

    /// What a cached match remembers of the moment it was made.
    struct Stamp: Equatable {
        var shard: Int
        var shardGeneration: UInt64
        var wildcardGeneration: UInt64
    }

    func stamp(for subject: RawSpan) -> Stamp {
        let shard = Self.shard(SubjectBytes.firstToken(subject))
        return Stamp(
            shard: shard,
            shardGeneration: generations.base[shard].load(ordering: .acquiring),
            wildcardGeneration: generations.base[Self.wildcardShard].load(ordering: .acquiring))
    }

    func isCurrent(_ stamp: Stamp) -> Bool {
        generations.base[stamp.shard].load(ordering: .acquiring) == stamp.shardGeneration
            && generations.base[Self.wildcardShard].load(ordering: .acquiring)
                == stamp.wildcardGeneration
    }

    private static func shard(_ token: RawSpan) -> Int {
        Int(truncatingIfNeeded: quickHash(token, seed: seed)) & (shardCount - 1)
    }

    func add(_ subscription: Subscription) {
        let filter = subscription.filter
        tries.withLock {
            $0.clients.insert(subscription, for: filter.span.bytes)
            $0.statistics.inserted &+= 1
        }
        changed(filter)
    }

    func remove(_ subscription: Subscription) {
        let filter = subscription.filter
        let removed = tries.withLock { tries in
            let removed = tries.clients.remove(subscription, for: filter.span.bytes)
            if removed {
                tries.statistics.removed &+= 1
                // A flood of subscriptions is over.
                if tries.clients.room > Self.smallRoom, tries.clients.count < tries.clients.room / 16 {
                    tries.clients.shrink()
                }
            }
            return removed
        }
        if removed { changed(filter) }
    }

    /// Lets the routers look again, without a change of who subscribes.
    func touch(_ subscription: Subscription) { changed(subscription.filter) }

    func add(_ interest: InternalInterest, for filter: [UInt8]) {
        tries.withLock { $0.interests.insert(interest, for: filter.span.bytes) }
        changed(filter)
    }

    @discardableResult
    func remove(_ interest: InternalInterest, for filter: [UInt8]) -> Bool {
        let removed = tries.withLock { $0.interests.remove(interest, for: filter.span.bytes) }
        if removed { changed(filter) }
        return removed
    }

    /// After the change, so that who sees the new number sees the change.
    private func changed(_ filter: [UInt8]) {
        let shard =
            SubjectBytes.beginsWithWildcard(filter.span.bytes)
            ? Self.wildcardShard : Self.shard(SubjectBytes.firstToken(filter.span.bytes))
        generations.base[shard].add(1, ordering: .releasing)
    }

    func match(
        _ subject: RawSpan, _ subscriptions: inout [Subscription],
        _ interests: inout [InternalInterest]
    ) {
        tries.withLock {
            $0.statistics.matched &+= 1
            $0.clients.collect(subject, into: &subscriptions)
            $0.interests.collect(subject, into: &interests)
        }
    }

    func hasClientMatch(_ subject: RawSpan) -> Bool {
        tries.withLock { $0.clients.hasMatch(subject) }
    }

    /// How many subscriptions of clients get what is published to `subject`, or, where that is a
    /// filter, can get nothing but what it matches; those of one queue group only, where one is named.
    func clientMatchCount(_ subject: String, queue: String) -> Int {
        let (bytes, group) = (Array(subject.utf8), Array(queue.utf8))
        func counts(_ subscription: Subscription) -> Bool {
            group.isEmpty || subscription.queue == group
        }
        if SubjectBytes.isLiteral(bytes.span.bytes) {
            var matches: [Subscription] = []
            tries.withLock { $0.clients.collect(bytes.span.bytes, into: &matches) }
            return matches.count(where: counts)
        }
        guard let filter = SubjectFilter(subject) else { return 0 }
        return tries.withLock { tries in
            var count = 0
            tries.clients.forEach { subscription in
                let text = String(decoding: subscription.filter, as: UTF8.self)
                if counts(subscription), SubjectFilter(text).map(filter.contains) == true { count += 1 }
            }
            return count
        }
    }

    func hasMatch(_ subject: RawSpan) -> Bool {
        tries.withLock { $0.clients.hasMatch(subject) || $0.interests.hasMatch(subject) }
    }

    func hasClientOverlap(_ filter: RawSpan) -> Bool {
        tries.withLock { $0.clients.hasOverlap(filter) }
    }

    var statistics: IndexStatistics { tries.withLock { $0.statistics } }

    var clientSubscriptionCount: Int { tries.withLock { $0.clients.count } }
}

/// What was done to an account's index since the start.
public struct IndexStatistics: Sendable, Equatable {
    public var inserted: UInt64 = 0
    public var removed: UInt64 = 0
    /// Subjects that were looked for; matches that a cache has don't come here.
    public var matched: UInt64 = 0
}
