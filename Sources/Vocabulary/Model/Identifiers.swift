/// Which log of this node: one for each JetStream stream, one for each partition of a Kafka topic.
///
/// Never given out twice on one data folder. 0 is the catalog's own.
public struct LogID: Hashable, Comparable, Sendable {
    public var value: UInt32

    @inlinable public init(_ value: UInt32) { self.value = value }
    @inlinable public static func < (left: LogID, right: LogID) -> Bool { left.value < right.value }
    @inlinable public static var catalog: LogID { LogID(0) }
}

/// A topic's universally unique id, as Kafka sends it: 16 bytes, all zero for "none".
public struct TopicID: Hashable, Sendable {
    public var high: UInt64
    public var low: UInt64

    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    @inlinable public static var none: TopicID { TopicID(high: 0, low: 0) }
}

/// What an idempotent producer is known by. -1 means "none".
public struct ProducerID: Hashable, Comparable, Sendable {
    public var value: Int64

    @inlinable public init(_ value: Int64) { self.value = value }
    @inlinable public static func < (left: ProducerID, right: ProducerID) -> Bool {
        left.value < right.value
    }
    @inlinable public static var none: ProducerID { ProducerID(-1) }
}
