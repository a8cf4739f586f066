public import Bytes
import Model

/// The table in a snapshot of its log:
///
///     int8     version, 1
///     uvarint  producers, then for each:
///     int64    id
///     int16    epoch
///     int64    records in a row without a gap, up to the newest
///     uvarint  batches, at most 5, oldest first; for each: int32 first sequence, int32 last sequence, int64 base offset,
///              int64 append time in nanoseconds
///
/// Integers are big endian.
extension ProducerTable {
    public enum SnapshotFault: Error, Equatable, Sendable {
        case newerVersion(UInt8)
        case tooManyBatches(Int)
    }

    private static let version: UInt8 = 1

    public func encode(into writer: inout ByteWriter) {
        writer.int(Self.version)
        writer.unsignedVarint(UInt64(producers.count))
        for (id, producer) in producers {
            writer.int(id.value)
            writer.int(producer.epoch)
            writer.int(producer.runRecordCount)
            writer.unsignedVarint(UInt64(producer.window.count))
            for batch in producer.window {
                writer.int(batch.firstSequence)
                writer.int(batch.lastSequence)
                writer.int(batch.baseOffset.value)
                writer.int(batch.appendTime.nanoseconds)
            }
        }
    }

    /// - Throws: `SnapshotFault`, `MalformedBytes`.
    public init(decoding reader: inout ByteReader) throws {
        self.init()
        let version = try reader.int(UInt8.self)
        guard version <= Self.version else { throw SnapshotFault.newerVersion(version) }
        let count = try reader.unsignedVarint()
        for _ in 0..<count {
            let id = ProducerID(try reader.int())
            let epoch: Int16 = try reader.int()
            let runRecordCount: Int64 = try reader.int()
            let batchCount = Int(clamping: try reader.unsignedVarint())
            guard batchCount <= Self.windowBatchCount else {
                throw SnapshotFault.tooManyBatches(batchCount)
            }
            var window: [Producer.Batch] = []
            for _ in 0..<batchCount {
                window.append(
                    Producer.Batch(
                        firstSequence: try reader.int(), lastSequence: try reader.int(),
                        baseOffset: Offset(try reader.int()),
                        appendTime: Timestamp(nanoseconds: try reader.int())))
            }
            producers[id] = Producer(epoch: epoch, runRecordCount: runRecordCount, window: window)
        }
    }
}
