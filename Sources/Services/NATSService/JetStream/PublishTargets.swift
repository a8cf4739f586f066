import Broker
import Bytes
import Catalog
import JetStreamAPI
import Model
import Records
import Subjects

/// Which log takes a published subject.
///
/// Streams never overlap, so there is one answer. It is looked up token by token, so its cost does not grow with the
/// number of streams; the last subject is remembered.
struct PublishTargets {
    /// A log that takes publishes, with what its answers need.
    final class Target {
        let log: PartitionLog
        let acks: PubAckWriter
        let answers: Bool

        init(_ log: PartitionLog, name: String, domain: String, answers: Bool) {
            self.log = log
            acks = PubAckWriter(stream: name, domain: domain)
            self.answers = answers
        }
    }

    private struct Stream {
        var filters: [[UInt8]]
        /// One for each partition.
        var targets: [Target]
        var keyPrefix: KeyPrefix
    }

    private var streams: [StreamID: Stream] = [:]
    private var index = SubscriptionTrie<StreamID>()
    private var matches: [StreamID] = []
    private var lastSubject: [UInt8] = []
    private var lastTarget: Target?

    mutating func add(_ entry: StreamEntry, _ broker: Broker, domain: String) {
        remove(entry.id)
        let targets = entry.logs.indices.compactMap { partition -> Target? in
            guard let log = broker.log(of: entry, partition: partition) else { return nil }
            return Target(
                log, name: entry.streamName(ofPartition: partition), domain: domain,
                answers: !broker.streamConfig(of: entry, partition: partition).noAck)
        }
        let filters = entry.subjects.compactMap { SubjectFilter($0).map { Array($0.text.utf8) } }
        for filter in filters { index.insert(entry.id, for: filter.span.bytes) }
        streams[entry.id] = Stream(
            filters: filters, targets: targets, keyPrefix: KeyPrefix(entry.keyPrefix))
    }

    mutating func remove(_ id: StreamID) {
        forget()
        for filter in streams.removeValue(forKey: id)?.filters ?? [] {
            index.remove(id, for: filter.span.bytes)
        }
    }

    mutating func target(of subject: RawSpan) -> Target? {
        if let known = lastTarget, subject.hasSameBytes(as: lastSubject.span.bytes) { return known }
        matches.removeAll(keepingCapacity: true)
        index.collect(subject, into: &matches)
        guard let id = matches.first, let stream = streams[id] else { return nil }
        let target = stream.targets[partition(of: subject, in: stream)]
        lastSubject = Array(copying: subject)
        lastTarget = target
        return target
    }

    private mutating func forget() {
        lastTarget = nil
        lastSubject = []
    }

    /// As Kafka's default partitioner has it: the key decides, and messages without one go to the first.
    private func partition(of subject: RawSpan, in stream: Stream) -> Int {
        guard stream.targets.count > 1 else { return 0 }
        switch stream.keyPrefix.stored(subject) {
        case .key(let key): return KeyPartitioner.partition(of: key, partitionCount: stream.targets.count)
        case .noKey, .header: return 0
        }
    }
}
