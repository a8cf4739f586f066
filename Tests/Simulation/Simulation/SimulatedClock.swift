import Model
import Platform
import Synchronization

/// Time that goes on when the run says so. The wall clock jumps now and then; the monotonic one
/// never goes back.
final class SimulatedClock: Sendable {
    private let wall = Atomic<Int64>(1_700_000_000_000_000_000)
    private let monotonic = Atomic<Int64>(1_000_000_000)

    var source: TimeSource {
        TimeSource(
            now: { Timestamp(nanoseconds: self.wall.load(ordering: .relaxed)) },
            monotonicNanoseconds: { self.monotonic.load(ordering: .relaxed) })
    }

    var now: Timestamp { source.now() }

    func advance(_ nanoseconds: Int64) {
        wall.add(nanoseconds, ordering: .relaxed)
        monotonic.add(nanoseconds, ordering: .relaxed)
    }

    /// Somebody sets the clock.
    func jump(to nanoseconds: Int64) { wall.store(nanoseconds, ordering: .relaxed) }
}
