import Glibc

/// A mutex with a condition: state behind a lock that threads can wait on.
///
/// Unsafe code lives here: the two pthread objects keep their address from `init` to `deinit`.
public final class Monitor: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    public init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Runs `body` with the lock held. Not to be nested.
    @inline(__always)
    public func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe _ = pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Only inside ``withLock(_:)``: gives the lock up until ``wakeAll()``, or for no reason at
    /// all.
    public func wait() {
        unsafe _ = pthread_cond_wait(condition, mutex)
    }

    /// Only inside ``withLock(_:)``: as ``wait()``, but not longer than that. False when the time
    /// was up.
    public func wait(nanoseconds: Int64) -> Bool {
        let end = Clock.monotonicNanoseconds() + max(nanoseconds, 0)
        var deadline = timespec(
            tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        return unsafe pthread_cond_timedwait(condition, mutex, &deadline) == 0
    }

    public func wakeAll() {
        unsafe _ = pthread_cond_broadcast(condition)
    }
}
