import Bytes
import KafkaCoordination
import Model
import Storage
import Transport

extension Broker {
    /// The time as the group coordinator takes it.
    public var groupTime: GroupTime {
        GroupTime(monotonicNanoseconds: loop.monotonicNanoseconds, wall: loop.now)
    }

    /// Lets the coordinator decide, and appends and applies what it decided.
    ///
    /// Answers wait for the durable mark; effects are the caller's to carry out, also where there is a failure:
    /// membership is soft state and has changed.
    ///
    /// - Returns: beside the answer, what kept the records from being stored; nothing durable has changed then.
    public func coordinate<Answer>(
        _ decide: (inout GroupCoordinator, GroupTime) -> (Answer, GroupDecision)
    ) -> (answer: Answer, effects: [GroupEffect], failure: StorageError?) {
        let (answer, decision) = decide(&groups, groupTime)
        do {
            try append(coordination: decision.records)
            return (answer, decision.effects, nil)
        } catch {
            return (answer, decision.effects, error)
        }
    }

    /// Appends records of the coordinator as one frame, and applies them.
    func append(coordination records: [CoordinationRecord]) throws(StorageError) {
        guard !records.isEmpty else { return }
        var writer = ByteWriter(capacity: records.count * 64)
        for record in records { record.encode(into: &writer) }
        try appendControl(.group, of: .catalog, writer.bytes.span.bytes)
        for record in records { apply(record) }
    }

    /// Live and in recovery.
    func apply(_ record: CoordinationRecord) {
        if case .producerIDsReserved(let end) = record {
            producerIDs.apply(upTo: end)
        } else {
            groups.apply(record)
        }
    }

    /// A deleted topic takes its committed offsets with it. Follows from the deletion, so it needs no frame of its own.
    func forgetOffsets(ofTopic topic: String) {
        for record in groups.deletingTopic(topic) { groups.apply(record) }
    }
}
