import Broker
import Bytes
import Catalog
import JetStreamAPI
import Model
import Records
import Subjects

/// Which log takes a published subject.
///
/// Streams never overlap, so there is one answer. Subjects seen lately are remembered.
struct PublishTargets {
    /// A log that takes publishes, with what its answers need.
    final class Target {
        let log: PartitionLog
        let acks: PubAckWriter
        let answers: Bool

        init(_ log: PartitionLog, name: String, answers: Bool) {
            self.log = log
            acks = PubAckWriter(stream: name)
            self.answers = answers
        }
    }

    private struct Stream {
        var filters: [SubjectFilter]
        /// One for each partition.
        var targets: [Target]
        var keyPrefix: KeyPrefix
    }

    private var streams: [StreamID: Stream] = [:]
    private var lastSubject: [UInt8] = []
    private var lastTarget: Target?

    mutating func add(_ entry: StreamEntry, _ broker: Broker) {
        forget()
        let targets = entry.logs.indices.compactMap { partition -> Target? in
            guard let log = broker.log(of: entry, partition: partition) else { return nil }
            return Target(
                log, name: entry.streamName(ofPartition: partition),
                answers: !broker.streamConfig(of: entry, partition: partition).noAck)
        }
        streams[entry.id] = Stream(
            filters: entry.subjects.compactMap { SubjectFilter($0) }, targets: targets,
            keyPrefix: KeyPrefix(entry.keyPrefix))
    }

    mutating func remove(_ id: StreamID) {
        forget()
        streams[id] = nil
    }

    mutating func target(of subject: RawSpan) -> Target? {
        if let known = lastTarget, subject.hasSameBytes(as: lastSubject.span.bytes) { return known }
        for stream in streams.values where stream.filters.contains(where: { $0.matches(subject) }) {
            let target = stream.targets[partition(of: subject, in: stream)]
            lastSubject = Array(copying: subject)
            lastTarget = target
            return target
        }
        return nil
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
