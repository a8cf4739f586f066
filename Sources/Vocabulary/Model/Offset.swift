/// The place of a record in its log, from 0.
///
/// Kafka calls it the offset; JetStream counts the same places from 1, see ``StreamSequence``.
public struct Offset: Hashable, Comparable, Sendable {
    public var value: Int64

    @inlinable public init(_ value: Int64) { self.value = value }
    @inlinable public init(_ sequence: StreamSequence) { value = Int64(sequence.value) - 1 }

    @inlinable public static func < (left: Offset, right: Offset) -> Bool { left.value < right.value }

    @inlinable public func advanced(by count: Int) -> Offset { Offset(value + Int64(count)) }

    /// How many places lie between `self` and `other`.
    @inlinable public func distance(to other: Offset) -> Int { Int(other.value - value) }
}

/// The place of a message in its stream, from 1; 0 means "none".
public struct StreamSequence: Hashable, Comparable, Sendable {
    public var value: UInt64

    @inlinable public init(_ value: UInt64) { self.value = value }
    @inlinable public init(_ offset: Offset) { value = UInt64(offset.value + 1) }

    @inlinable public static func < (left: StreamSequence, right: StreamSequence) -> Bool {
        left.value < right.value
    }

    @inlinable public static var none: StreamSequence { StreamSequence(0) }
    @inlinable public var next: StreamSequence { StreamSequence(value + 1) }
}
