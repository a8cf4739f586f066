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
        case .key(let key): return Int(murmur2(key) & 0x7FFF_FFFF) % stream.targets.count
        case .noKey, .header: return 0
        }
    }
}

/// Kafka's hash of keys. Source: `org.apache.kafka.common.utils.Utils.murmur2`.
func murmur2(_ bytes: RawSpan) -> UInt32 {
    let multiplier: UInt32 = 0x5BD1_E995
    let count = bytes.byteCount
    var hash = 0x9747_B28C ^ UInt32(truncatingIfNeeded: count)
    var index = 0
    func byte(_ offset: Int) -> UInt32 { UInt32(bytes[index + offset]) }
    while index + 4 <= count {
        var word = byte(0) | byte(1) << 8 | byte(2) << 16 | byte(3) << 24
        word = word &* multiplier
        word ^= word >> 24
        word = word &* multiplier
        hash = hash &* multiplier
        hash ^= word
        index += 4
    }
    let rest = count - index
    if rest == 3 { hash ^= byte(2) << 16 }
    if rest >= 2 { hash ^= byte(1) << 8 }
    if rest >= 1 {
        hash ^= byte(0)
        hash = hash &* multiplier
    }
    hash ^= hash >> 13
    hash = hash &* multiplier
    hash ^= hash >> 15
    return hash
}
