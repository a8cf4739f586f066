/// Nanoseconds since 1970 UTC. JetStream shows it whole, Kafka in milliseconds.
public struct Timestamp: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    @inlinable public init(milliseconds: Int64) { nanoseconds = milliseconds &* 1_000_000 }

    @inlinable public var milliseconds: Int64 {
        nanoseconds >= 0 ? nanoseconds / 1_000_000 : (nanoseconds - 999_999) / 1_000_000
    }

    @inlinable public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Stops at the ends of time: clients may ask for any duration.
    @inlinable public func advanced(byNanoseconds count: Int64) -> Timestamp {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
        guard overflow else { return Timestamp(nanoseconds: sum) }
        return Timestamp(nanoseconds: count > 0 ? .max : .min)
    }
}
