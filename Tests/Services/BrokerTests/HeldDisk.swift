import Platform

/// The local disk, but syncs of open files wait while it is held: of all, or of those with a part of a path.
final class HeldDisk: GuardedDisk {
    private let monitor = Monitor()
    private let state = State()

    /// Touched with the monitor's lock held.
    private final class State: @unchecked Sendable {
        var isHeld = false
        var part = ""
        var waitingCount = 0
    }

    func hold(_ part: String = "") {
        monitor.withLock {
            state.isHeld = true
            state.part = part
        }
    }

    /// How many syncs wait now.
    var waitingCount: Int { monitor.withLock { state.waitingCount } }

    func release() {
        monitor.withLock {
            state.isHeld = false
            monitor.wakeAll()
        }
    }

    func willSynchronize(_ path: String) {
        monitor.withLock {
            state.waitingCount += 1
            while state.isHeld, state.part.isEmpty || path.contains(state.part) { monitor.wait() }
            state.waitingCount -= 1
        }
    }
}
