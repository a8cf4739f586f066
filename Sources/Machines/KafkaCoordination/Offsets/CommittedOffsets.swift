import Model

/// How far each group has read: the durable half of group coordination.
///
/// Only ``apply(_:)`` changes it, live and in replay, so what it holds is what its records say. Offsets are kept
/// by topic name: a topic that is made again under the same name starts without them, because its deletion
/// forgets them.
public struct CommittedOffsets: Sendable {
    struct GroupOffsets: Sendable {
        var topics: [String: [Int32: CommittedOffset]] = [:]
        /// When the last member left. Nil while it has members, and where it never had any (simple commits).
        var emptySince: Timestamp?
        /// Had members when the server stopped, as far as the records tell.
        var isOccupied = false
    }

    private(set) var groups: [String: GroupOffsets] = [:]

    public init() {}

    public mutating func apply(_ record: CoordinationRecord) {
        switch record {
        case .producerIDsReserved: break
        case .offsetCommitted(let key, let committed):
            groups[key.group, default: GroupOffsets()].topics[key.topic, default: [:]][key.partition] =
                committed
        case .offsetForgotten(let key):
            groups[key.group]?.topics[key.topic]?[key.partition] = nil
            if groups[key.group]?.topics[key.topic]?.isEmpty == true {
                groups[key.group]?.topics[key.topic] = nil
            }
        case .groupForgotten(let group):
            groups[group] = nil
        case .groupEmptied(let group, let time):
            groups[group]?.emptySince = time
            groups[group]?.isOccupied = false
        case .groupOccupied(let group):
            groups[group]?.emptySince = nil
            groups[group]?.isOccupied = true
        }
    }

    public subscript(group: String, topic: String, partition: Int32) -> CommittedOffset? {
        groups[group]?.topics[topic]?[partition]
    }

    /// All that `group` committed, by topic and partition.
    public func all(of group: String) -> [(topic: String, partitions: [(Int32, CommittedOffset)])] {
        guard let offsets = groups[group] else { return [] }
        return offsets.topics.sorted { $0.key < $1.key }.map { topic, partitions in
            (topic, partitions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        }
    }

    public func isKnown(_ group: String) -> Bool { groups[group] != nil }

    /// Every record that a fresh table needs to become this one: for snapshots.
    public var records: [CoordinationRecord] {
        var records: [CoordinationRecord] = []
        for (group, offsets) in groups {
            for (topic, partitions) in offsets.topics {
                for (partition, committed) in partitions {
                    let key = OffsetKey(group: group, topic: topic, partition: partition)
                    records.append(.offsetCommitted(key, committed))
                }
            }
            if let time = offsets.emptySince { records.append(.groupEmptied(group: group, at: time)) }
            if offsets.isOccupied { records.append(.groupOccupied(group: group)) }
        }
        return records
    }

    /// What forgets every offset in `topic`, of whichever group.
    func forgetting(topic: String) -> [CoordinationRecord] {
        groups.flatMap { group, offsets in
            (offsets.topics[topic] ?? [:]).keys.map { partition in
                .offsetForgotten(OffsetKey(group: group, topic: topic, partition: partition))
            }
        }
    }

    /// What forgets the offsets of `group` whose time is over.
    ///
    /// - Parameters:
    ///   - subscribed: the topics that its members read; nil where that cannot be known; empty without members.
    ///   - hasMembers: whether anybody is in the group.
    ///   - limit: what was left before this is forgotten.
    ///
    /// Source: KIP-211.
    func expiring(
        group: String, hasMembers: Bool, subscribed: Set<String>?, limit: Timestamp
    ) -> [CoordinationRecord] {
        guard let offsets = groups[group] else { return [] }
        var records: [CoordinationRecord] = []
        var kept = 0
        for (topic, partitions) in offsets.topics {
            for (partition, committed) in partitions {
                let isOver =
                    if hasMembers {
                        subscribed.map { !$0.contains(topic) } ?? false && committed.commitTime < limit
                    } else {
                        max(offsets.emptySince ?? committed.commitTime, committed.commitTime) < limit
                    }
                if isOver {
                    records.append(
                        .offsetForgotten(OffsetKey(group: group, topic: topic, partition: partition)))
                } else {
                    kept += 1
                }
            }
        }
        if kept == 0, !hasMembers { return [.groupForgotten(group: group)] }
        return records
    }
}
