import Bytes
import Model

/// One durable fact of Kafka coordination. A control frame holds one or more, back to back.
///
///     uvarint  byte count of what follows
///     uint8    kind
///     1  producer ids reserved     int64 end
///     2  offset committed          text group, text topic, int32 partition, int64 offset, int32 leader epoch,
///                                  text metadata, int64 commit time (ns)
///     3  offset forgotten          text group, text topic, int32 partition
///     4  group forgotten           text group
///     5  group became empty        text group, int64 since (ns)
///     6  group has members         text group
///
/// `text` is a uvarint byte count and UTF-8. Integers are big endian. Bytes behind the last known field of a
/// record are skipped, so that a field may be added; an unknown kind is an error.
public enum CoordinationRecord: Hashable, Sendable {
    case producerIDsReserved(upTo: Int64)
    case offsetCommitted(OffsetKey, CommittedOffset)
    case offsetForgotten(OffsetKey)
    case groupForgotten(group: String)
    case groupEmptied(group: String, at: Timestamp)
    case groupOccupied(group: String)
}

/// Whose position it is and in what.
public struct OffsetKey: Hashable, Sendable {
    public var group: String
    public var topic: String
    public var partition: Int32

    public init(group: String, topic: String, partition: Int32) {
        self.group = group
        self.topic = topic
        self.partition = partition
    }
}

/// A consumer group's position in one partition: the offset that it reads next.
public struct CommittedOffset: Hashable, Sendable {
    public var offset: Offset
    /// -1: not given.
    public var leaderEpoch: Int32
    public var metadata: String
    public var commitTime: Timestamp

    public init(offset: Offset, leaderEpoch: Int32, metadata: String, commitTime: Timestamp) {
        self.offset = offset
        self.leaderEpoch = leaderEpoch
        self.metadata = metadata
        self.commitTime = commitTime
    }
}

public enum CoordinationRecordError: Error, Equatable, Sendable {
    case malformed(MalformedBytes)
    /// Written by a newer version.
    case unknownKind(UInt8)
}

extension CoordinationRecord {
    public func encode(into writer: inout ByteWriter) {
        var body = ByteWriter(capacity: 64)
        switch self {
        case .producerIDsReserved(let end):
            body.int(UInt8(1))
            body.int(end)
        case .offsetCommitted(let key, let committed):
            body.int(UInt8(2))
            body.key(key)
            body.int(committed.offset.value)
            body.int(committed.leaderEpoch)
            body.text(committed.metadata)
            body.int(committed.commitTime.nanoseconds)
        case .offsetForgotten(let key):
            body.int(UInt8(3))
            body.key(key)
        case .groupForgotten(let group):
            body.int(UInt8(4))
            body.text(group)
        case .groupEmptied(let group, let time):
            body.int(UInt8(5))
            body.text(group)
            body.int(time.nanoseconds)
        case .groupOccupied(let group):
            body.int(UInt8(6))
            body.text(group)
        }
        writer.unsignedVarint(UInt64(body.count))
        writer.append(body.bytes.span.bytes)
    }

    /// The records of a frame, in order.
    public static func decodeAll(_ frame: RawSpan) throws(CoordinationRecordError) -> [Self] {
        var records: [Self] = []
        var reader = ByteReader(frame)
        while !reader.isAtEnd {
            let kind: UInt8
            let record: Self?
            do throws(MalformedBytes) {
                let byteCount = try reader.unsignedVarint()
                guard byteCount <= UInt64(reader.remaining) else { throw .truncated }
                var body = ByteReader(try reader.bytes(Int(byteCount)))
                kind = try body.int(UInt8.self)
                record = try decode(kind, &body)
            } catch {
                throw .malformed(error)
            }
            guard let record else { throw .unknownKind(kind) }
            records.append(record)
        }
        return records
    }

    private static func decode(
        _ kind: UInt8, _ body: inout ByteReader
    ) throws(MalformedBytes) -> Self? {
        switch kind {
        case 1: .producerIDsReserved(upTo: try body.int())
        case 2:
            .offsetCommitted(
                try body.key(),
                CommittedOffset(
                    offset: Offset(try body.int()), leaderEpoch: try body.int(),
                    metadata: try body.text(),
                    commitTime: Timestamp(nanoseconds: try body.int())))
        case 3: .offsetForgotten(try body.key())
        case 4: .groupForgotten(group: try body.text())
        case 5:
            .groupEmptied(
                group: try body.text(), at: Timestamp(nanoseconds: try body.int()))
        case 6: .groupOccupied(group: try body.text())
        default: nil
        }
    }
}

extension ByteWriter {
    fileprivate mutating func text(_ text: String) {
        unsignedVarint(UInt64(text.utf8.count))
        append(text)
    }

    fileprivate mutating func key(_ key: OffsetKey) {
        text(key.group)
        text(key.topic)
        int(key.partition)
    }
}

extension ByteReader {
    fileprivate mutating func text() throws(MalformedBytes) -> String {
        let byteCount = try unsignedVarint()
        guard byteCount <= UInt64(remaining) else { throw .truncated }
        return try string(Int(byteCount))
    }

    fileprivate mutating func key() throws(MalformedBytes) -> OffsetKey {
        OffsetKey(group: try text(), topic: try text(), partition: try int())
    }
}
