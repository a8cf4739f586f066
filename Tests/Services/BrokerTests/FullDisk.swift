import Glibc
import Platform

/// The local disk, but it gives no more room to any file while it is full.
final class FullDisk: GuardedDisk {
    private let monitor = Monitor()
    private let state = State()

    /// Touched with the monitor's lock held.
    private final class State: @unchecked Sendable {
        var isFull = false
    }

    var isFull: Bool {
        get { monitor.withLock { state.isFull } }
        set { monitor.withLock { state.isFull = newValue } }
    }

    func willGrow(_ operation: String) throws(SystemError) {
        if isFull { throw SystemError(operation, "a file", errno: ENOSPC) }
    }
}
