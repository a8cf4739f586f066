import Bytes
import Model

/// A change of a stream that is no message: what the clock or a command takes away.
///
/// It is written to the log before it is applied, so that recovery takes away the same. One kind byte, then varints:
///
///     1 removed   count, then for each run: distance from the end of the one before, length
///     2 purged    below, filter length, filter (0 for every subject)
public enum StreamControl: Equatable, Sendable {
    /// Single messages, in rising order: deleted by a client, or acked where acks remove.
    case removed([UInt64])
    /// What matches `filter` and lies below a sequence: purged, expired or rolled up. An empty filter matches all.
    case purged(below: UInt64, filter: String)

    public func encode(into writer: inout ByteWriter) {
        switch self {
        case .removed(let sequences):
            writer.int(1 as UInt8)
            var runs: [(start: UInt64, length: UInt64)] = []
            for sequence in sequences {
                if let last = runs.last, last.start + last.length == sequence {
                    runs[runs.count - 1].length += 1
                } else {
                    runs.append((sequence, 1))
                }
            }
            writer.unsignedVarint(UInt64(runs.count))
            var end: UInt64 = 0
            for run in runs {
                writer.unsignedVarint(run.start - end)
                writer.unsignedVarint(run.length)
                end = run.start + run.length
            }
        case .purged(let below, let filter):
            writer.int(2 as UInt8)
            writer.unsignedVarint(below)
            writer.unsignedVarint(UInt64(filter.utf8.count))
            writer.append(filter)
        }
    }

    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 32)
        encode(into: &writer)
        return writer.bytes
    }

    /// How many sequences one record may name, so that damaged bytes cannot ask for more memory than there is.
    public static let removedLimit = 1 << 20

    public init(decoding reader: inout ByteReader) throws(MalformedBytes) {
        switch try reader.int(UInt8.self) {
        case 1:
            let count = try reader.unsignedVarint()
            guard count <= UInt64(reader.remaining) else { throw .badLength(Int(clamping: count)) }
            var sequences: [UInt64] = []
            var end: UInt64 = 0
            for _ in 0..<count {
                let (start, overflow) = end.addingReportingOverflow(try reader.unsignedVarint())
                let length = try reader.unsignedVarint()
                let (next, overflowToo) = start.addingReportingOverflow(length)
                guard !overflow, !overflowToo,
                    length <= UInt64(Self.removedLimit - sequences.count)
                else { throw .badLength(Int(clamping: length)) }
                sequences.append(contentsOf: start..<next)
                end = next
            }
            self = .removed(sequences)
        case 2:
            let below = try reader.unsignedVarint()
            let length = try reader.unsignedVarint()
            self = .purged(below: below, filter: try reader.string(Int(clamping: length)))
        case let kind:
            throw .badLength(Int(kind))
        }
    }
}
