import Bytes
import JetStream
import JetStreamAPI
import KafkaCoordination
import Model
import Storage

/// What the broker knows of one log, taken at one position of the write-ahead log: a copy, to be written on another thread.
///
/// Layout: docs/formats/snapshot-machines.md.
struct LogSnapshot: Sendable {
    static let version: UInt8 = 3

    var id: LogID
    var startOffset: Offset
    var endOffset: Offset
    var hasHoles: Bool
    var cleanedTo: Offset
    var tombstonesDue: Int64?
    var producers: ProducerTable
    var view: StreamMachine?
    var consumers: [ConsumerMachine]
    var due: DueRemovals

    init(_ log: PartitionLog) {
        id = log.id
        startOffset = log.startOffset
        endOffset = log.endOffset
        // Of what is in memory nothing is left after the next start but how far it had come.
        let isKept = log.durability != .memory
        hasHoles = isKept && log.hasHoles
        cleanedTo = log.cleanedTo
        tombstonesDue = log.tombstonesDue
        producers = isKept ? log.producers : ProducerTable()
        view = isKept ? log.view : nil
        consumers = isKept ? log.consumers.values.map(\.machine) : []
        due = isKept ? log.due : DueRemovals()
    }

    /// About how many bytes it takes, without counting them.
    static func expectedByteCount(of log: PartitionLog) -> Int {
        if log.durability == .memory { return 0 }
        return log.producers.producerCount * 64 + (log.view?.expectedSnapshotByteCount ?? 0)
            + log.consumers.values.reduce(log.due.sequences.count * 8) { $0 + 64 + $1.machine.ackPendingCount * 28 }
    }

    private static let hasHolesFlag: UInt8 = 1
    private static let hasViewFlag: UInt8 = 2
    private static let interestLostFlag: UInt8 = 4

    func write(_ write: ([UInt8]) throws -> Void) throws {
        var head = ByteWriter(capacity: 64)
        head.int(Self.version)
        head.int(id.value)
        head.int(startOffset.value)
        head.int(endOffset.value)
        head.int(
            (hasHoles ? Self.hasHolesFlag : 0) | (view == nil ? 0 : Self.hasViewFlag)
                | (due.isInterestLost ? Self.interestLostFlag : 0))
        head.int(UInt32(consumers.count))
        producers.encode(into: &head)
        head.int(cleanedTo.value)
        head.int(tombstonesDue ?? .max)
        head.unsignedVarint(UInt64(due.sequences.count))
        for sequence in due.sequences { head.int(sequence) }
        try write(head.bytes)
        try view?.writeSnapshot(write)
        for consumer in consumers {
            var writer = ByteWriter()
            writer.unsignedVarint(UInt64(consumer.name.utf8.count))
            writer.append(consumer.name)
            writer.append(consumer.snapshotBytes.span.bytes)
            try write(writer.bytes)
        }
    }
}

/// What ``LogSnapshot/write(_:)`` wrote, on its way to becoming a log again.
struct RestoredLog {
    /// What a snapshot does not keep of a log, because the catalog does.
    struct Origin {
        var config: StreamConfig
        var created: Timestamp
    }

    var startOffset: Offset
    var endOffset: Offset
    var hasHoles: Bool
    var cleanedTo = Offset(0)
    var tombstonesDue: Int64?
    var producers: ProducerTable
    var view: StreamMachine?
    var consumers: [(name: String, bytes: [UInt8])] = []
    var due = DueRemovals()

    /// - Parameter origin: what the catalog knows of its stream.
    /// - Throws: `SnapshotFault` and `MalformedBytes` for bytes that make no log, and what `next` throws.
    init(
        _ id: LogID, origin: Origin, readingSnapshot next: () throws -> [UInt8]?
    ) throws {
        guard let headBytes = try next() else { throw SnapshotFault.missingPiece }
        var head = ByteReader(headBytes.span.bytes)
        let version = try head.int(UInt8.self)
        guard version <= LogSnapshot.version else { throw SnapshotFault.newerVersion(version) }
        let stored = LogID(try head.int())
        guard stored == id else { throw SnapshotFault.inconsistent("log \(stored.value), not \(id.value)") }
        startOffset = Offset(try head.int())
        endOffset = Offset(try head.int())
        let flags = try head.int(UInt8.self)
        hasHoles = flags & 1 != 0
        let consumerCount = Int(try head.int(UInt32.self))
        producers = try ProducerTable(decoding: &head)
        if version >= 2 {
            cleanedTo = Offset(try head.int())
            let due = try head.int(Int64.self)
            tombstonesDue = due == .max ? nil : due
        }
        if version >= 3 {
            due.isInterestLost = flags & 4 != 0
            let count = try head.unsignedVarint()
            guard count <= UInt64(head.remaining / 8) else { throw SnapshotFault.inconsistent("\(count) due removals") }
            for _ in 0..<count { due.sequences.append(try head.int()) }
        }
        guard flags & 2 != 0 else {
            guard consumerCount == 0 else { throw SnapshotFault.inconsistent("consumers without a view") }
            return
        }
        view = try StreamMachine(
            config: origin.config, created: origin.created, readingSnapshot: next)
        for _ in 0..<consumerCount {
            guard let bytes = try next() else { throw SnapshotFault.missingPiece }
            var reader = ByteReader(bytes.span.bytes)
            let length = try reader.unsignedVarint()
            let name = try reader.string(Int(clamping: length))
            consumers.append((name, Array(copying: try reader.bytes(reader.remaining))))
        }
    }
}
