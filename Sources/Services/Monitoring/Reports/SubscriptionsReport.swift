import JSON
import NATSService
import Subjects

/// `/subsz`: how subjects find their receivers, and who subscribes to what.
extension ReportService {
    func makeSubscriptions(
        _ options: SubscriptionOptions, _ answer: @escaping @Sendable (Report) -> Void
    ) {
        guard options.showsSubscriptions else {
            return onWorker(answer) { [self] in Report(body: subscriptions(options, [])) }
        }
        nats.reportSubscriptions { [self] all in
            onWorker(answer) { [self] in Report(body: subscriptions(options, all)) }
        }
    }

    private func subscriptions(
        _ options: SubscriptionOptions, _ all: [SubscriptionReport]
    ) -> [UInt8] {
        let shown = all.filter(options.shows).sorted {
            ($0.account, $0.connectionID, $0.sid) < ($1.account, $1.connectionID, $1.sid)
        }
        var json = JSONWriter()
        json.beginObject()
        json.head(facts)
        let accounts =
            options.account.isEmpty
            ? nats.accounts.all : nats.accounts.known(options.account).map { [$0] } ?? []
        let sums = accounts.reduce(RoutingNumbers()) { $0 + RoutingNumbers($1) }
        sums.writeMembers(to: &json)
        json.field("total", shown.count)
        json.field("offset", options.offset)
        json.field("limit", options.limit)
        let start = min(options.offset, shown.count)
        let page = shown[start..<min(shown.count, start + options.limit)]
        if !page.isEmpty {
            json.name("subscriptions_list")
            json.beginArray()
            for subscription in page { subscription.write(to: &json, account: true) }
            json.endArray()
        }
        json.endObject()
        return json.bytes
    }
}

extension SubscriptionOptions {
    fileprivate func shows(_ report: SubscriptionReport) -> Bool {
        if !account.isEmpty, report.account != account { return false }
        guard !test.isEmpty else { return true }
        guard let filter = SubjectFilter(report.subject), let subject = SubjectFilter(test) else {
            return false
        }
        return filter.overlaps(subject)
    }
}

/// How the subjects of an account were matched.
struct RoutingNumbers {
    var subscriptions = 0
    var inserted: UInt64 = 0
    var removed: UInt64 = 0
    var matched: UInt64 = 0
    var published: UInt64 = 0
    var cachedSubjects = 0
    var cachedRecipients = 0
    var largestMatch = 0

    init() {}

    init(_ account: AccountRouting) {
        let changes = account.indexStatistics
        let statistics = account.statistics
        subscriptions = account.subscriptionCount
        inserted = changes.inserted
        removed = changes.removed
        matched = changes.matched
        published = statistics.messagesIn
        cachedSubjects = statistics.cachedSubjects
        cachedRecipients = statistics.cachedRecipients
        largestMatch = statistics.largestMatch
    }

    static func + (left: RoutingNumbers, right: RoutingNumbers) -> RoutingNumbers {
        var sum = left
        sum.subscriptions += right.subscriptions
        sum.inserted += right.inserted
        sum.removed += right.removed
        sum.matched += right.matched
        sum.published += right.published
        sum.cachedSubjects += right.cachedSubjects
        sum.cachedRecipients += right.cachedRecipients
        sum.largestMatch = max(left.largestMatch, right.largestMatch)
        return sum
    }

    func writeMembers(to json: inout JSONWriter) {
        json.field("num_subscriptions", subscriptions)
        json.field("num_cache", cachedSubjects)
        json.field("num_inserts", inserted)
        json.field("num_removes", removed)
        json.field("num_matches", max(matched, published))
        // Every publish is matched; those that the index was asked for were not in a cache.
        let hits = published > matched ? Double(published - matched) / Double(published) : 0
        json.number("cache_hit_rate", hits)
        json.field("max_fanout", largestMatch)
        let average = cachedSubjects > 0 ? Double(cachedRecipients) / Double(cachedSubjects) : 0
        json.number("avg_fanout", average)
    }
}
