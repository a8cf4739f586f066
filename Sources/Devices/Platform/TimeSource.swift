public import Model

/// Where a device that works by itself gets the time from: the machine, or a test that decides what time it is.
///
/// Machines get no time source: time is a value of each command.
public struct TimeSource: Sendable {
    /// Wall clock time; may jump.
    public var now: @Sendable () -> Timestamp
    /// Never goes back.
    public var monotonicNanoseconds: @Sendable () -> Int64

    public init(
        now: @escaping @Sendable () -> Timestamp,
        monotonicNanoseconds: @escaping @Sendable () -> Int64
    ) {
        self.now = now
        self.monotonicNanoseconds = monotonicNanoseconds
    }

    /// The clocks of this machine.
    public static let system = TimeSource(
        now: { Clock.now() }, monotonicNanoseconds: { Clock.monotonicNanoseconds() })
}
