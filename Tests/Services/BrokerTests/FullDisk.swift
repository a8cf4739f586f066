import Glibc
import Platform

/// The local disk, but it gives no more room to any file while it is full.
final class FullDisk: GuardedDisk {
    private let monitor = Monitor()
    private let state = State()

    /// Touched with the monitor's lock held.
    private final class State: @unchecked Sendable {
        var isFull = false
        var part = ""
    }

    var isFull: Bool {
        get { monitor.withLock { state.isFull } }
        set { monitor.withLock { state.isFull = newValue } }
    }

    /// What the paths of the files have in them that get no more room; all files where it is empty.
    var fullPart: String {
        get { monitor.withLock { state.part } }
        set { monitor.withLock { state.part = newValue } }
    }

    func willGrow(_ operation: String, _ path: String) throws(SystemError) {
        if isFull, fullPart.isEmpty || path.contains(fullPart) { throw SystemError(operation, path, errno: ENOSPC) }
    }
}
