import Model

/// Hands out producer ids, each at most once in the life of a data folder.
///
/// Ids are reserved in blocks: the record of a block is appended before the first id of it is given, and the
/// answer that carries an id waits for the durable mark like any other. What a crash leaves of a block is never
/// used. Source: KIP-730.
public struct ProducerIDAllocator: Sendable {
    public static let blockIDCount: Int64 = 1_000

    /// Durable: every id below may have been given.
    private var reservedEnd: Int64 = 0
    /// Not durable: what is left of the block of this run. Empty after a restart.
    private var unused: Range<Int64> = 0..<0

    public init() {}

    /// The record to append before ``take()``, or nil while the block lasts.
    public func reservation() -> CoordinationRecord? {
        unused.isEmpty ? .producerIDsReserved(upTo: reservedEnd + Self.blockIDCount) : nil
    }

    /// What a fresh allocator needs to become this one after a restart: for snapshots.
    public var record: CoordinationRecord { .producerIDsReserved(upTo: reservedEnd) }

    /// Live, after ``reservation()`` was appended and applied: its block is ours to give.
    public mutating func begin(upTo end: Int64) {
        precondition(unused.isEmpty, "a block was begun before the one at \(unused) was used up")
        unused = end - Self.blockIDCount..<end
        apply(upTo: end)
    }

    /// Live and in replay.
    public mutating func apply(upTo end: Int64) {
        reservedEnd = max(reservedEnd, end)
    }

    /// The next id. - Precondition: ``reservation()`` is nil.
    public mutating func take() -> ProducerID {
        precondition(!unused.isEmpty, "a producer id was taken without a reserved block")
        defer { unused = unused.lowerBound + 1..<unused.upperBound }
        return ProducerID(unused.lowerBound)
    }
}
