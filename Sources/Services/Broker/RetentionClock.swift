public import Model

/// The time that decides what is too old to be kept: the wall clock, but it does not jump ahead.
///
/// A wall clock that is set forward by mistake must not delete what has years to go. So this one follows it at most
/// at twice the speed of the monotonic clock, after a grace that covers ordinary corrections. Where the wall clock is set
/// back, things are kept longer, and nothing else happens.
public struct RetentionClock: Sendable {
    private var last: (wall: Timestamp, monotonic: Int64)?

    public init() {}

    /// By how much the wall clock may be ahead at once.
    public static let graceNanoseconds: Int64 = 10_000_000_000

    /// - Parameter monotonic: nanoseconds of a clock that nobody sets.
    public mutating func time(wall: Timestamp, monotonic: Int64) -> Timestamp {
        guard let last else {
            last = (wall, monotonic)
            return wall
        }
        let elapsed = max(0, monotonic - last.monotonic)
        let expected = last.wall.advanced(byNanoseconds: elapsed)
        if wall < expected.advanced(byNanoseconds: -Self.graceNanoseconds) {
            // Set back, perhaps by mistake: what was expected goes on beside it.
            self.last = (expected, monotonic)
            return wall
        }
        let isClose = wall <= expected.advanced(byNanoseconds: Self.graceNanoseconds)
        let time = isClose ? wall : min(wall, expected.advanced(byNanoseconds: elapsed))
        self.last = (time, monotonic)
        return time
    }
}
