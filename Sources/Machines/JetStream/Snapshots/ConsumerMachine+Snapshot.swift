import Bytes
import DequeModule
public import JetStreamAPI
public import Model

extension ConsumerMachine {
    /// What survives a restart, without the configuration. Pull requests and timers do not.
    public var snapshotBytes: [UInt8] {
        var writer = ByteWriter(capacity: 64 + pending.count * 16)
        writer.int(SnapshotVersion.consumer)
        Self.encode(delivered, into: &writer)
        Self.encode(ackFloor, into: &writer)
        writer.int(cursor)
        writer.int(lastActivity.nanoseconds)
        writer.unsignedVarint(UInt64(snapshot.count))
        for sequence in snapshot { writer.int(sequence) }
        let order = pending.keys.sorted()
        writer.unsignedVarint(UInt64(order.count))
        for sequence in order {
            guard let delivery = pending[sequence] else { continue }
            writer.int(sequence)
            writer.int(delivery.consumerSequence)
            writer.int(delivery.deliveries)
            writer.int(delivery.deadline)
        }
        writer.unsignedVarint(UInt64(settled.count))
        for sequence in settled { writer.int(sequence) }
        return writer.bytes
    }

    /// The consumer that ``snapshotBytes`` came from, with its configuration of now.
    ///
    /// - Throws: `SnapshotFault`, `MalformedBytes`.
    public init(
        name: String, config: ConsumerConfig, created: Timestamp, stream: StreamMachine,
        snapshot bytes: RawSpan
    ) throws {
        self.init(name: name, config: config, created: created, stream: stream)
        try restore(bytes)
    }

    /// Takes the state that ``snapshotBytes`` has, in place of its own.
    ///
    /// - Throws: `SnapshotFault`, `MalformedBytes`; nothing has changed then.
    mutating func restore(_ bytes: RawSpan) throws {
        var reader = ByteReader(bytes)
        let version = try reader.int(UInt8.self)
        guard version <= SnapshotVersion.consumer else { throw SnapshotFault.newerVersion(version) }
        var restored = self
        restored.forgetPending()
        restored.delivered = try Self.decodePair(&reader)
        restored.ackFloor = try Self.decodePair(&reader)
        restored.cursor = try reader.int()
        restored.searchedTo = 0
        restored.pendingCount.invalidate()
        restored.lastActivity = Timestamp(nanoseconds: try reader.int())
        restored.snapshot = []
        for _ in 0..<(try reader.count(of: 8)) { restored.snapshot.append(try reader.int()) }
        for _ in 0..<(try reader.count(of: 28)) {
            let sequence: UInt64 = try reader.int()
            let delivery = PendingDelivery(
                consumerSequence: try reader.int(), deliveries: try reader.int(),
                deadline: try reader.int(), isQueued: false)
            restored.pending[sequence] = delivery
            restored.pendingOrder.append(sequence)
            restored.deadlines.insert(deadline: delivery.deadline, sequence: sequence)
            if delivery.deliveries > 1 { restored.redeliveredCount += 1 }
        }
        restored.settled = []
        if version >= 2 {
            for _ in 0..<(try reader.count(of: 8)) { restored.settled.append(try reader.int()) }
        }
        self = restored
    }

    /// Consumer sequence, stream sequence, and when, in nanoseconds since 1970; the least integer for never.
    private static func encode(_ pair: SequencePair, into writer: inout ByteWriter) {
        writer.int(pair.consumer)
        writer.int(pair.stream)
        writer.int(pair.lastActive?.nanoseconds ?? .min)
    }

    private static func decodePair(_ reader: inout ByteReader) throws -> SequencePair {
        var pair = SequencePair(consumer: try reader.int(), stream: try reader.int())
        let time: Int64 = try reader.int()
        pair.lastActive = time == .min ? nil : Timestamp(nanoseconds: time)
        return pair
    }
}
