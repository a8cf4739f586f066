import Glibc
public import Model

/// The two clocks of the machine. Loops read them once a turn and pass the values on.
public enum Clock {
    /// Wall clock time.
    public static func now() -> Timestamp { Timestamp(nanoseconds: read(CLOCK_REALTIME)) }

    /// Nanoseconds since some moment in the past; never goes back.
    public static func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
