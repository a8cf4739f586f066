import Glibc
import Synchronization

/// A moment at which the process is to be killed, for tests: named in the environment when it starts.
///
///     DUOLOG_CRASH_AT=after-write:.wal:10
///
/// A moment (`before-` or `after-`, then `create`, `write`, `sync`, `rename`, `remove` or `syncdir`), a part
/// of the path, and which time it is. The process then gets SIGKILL from itself: nothing is flushed,
/// closed or said. Without the variable each of these system calls costs one comparison more.
/// Described in docs/TESTING.md.
final class CrashPoint: Sendable {
    enum Operation: String { case create, write, sync, rename, remove, syncdir }

    private let isAfter: Bool
    private let operation: Operation
    private let part: String
    private let left: Atomic<Int>

    /// Nil where the variable is not set.
    private static let armed = fromEnvironment()

    @inline(__always)
    static func before(_ operation: Operation, _ path: String) {
        if let armed { armed.pass(operation, path, isAfter: false) }
    }

    @inline(__always)
    static func after(_ operation: Operation, _ path: String) {
        if let armed { armed.pass(operation, path, isAfter: true) }
    }

    private init?(_ text: String) {
        let fields = text.split(separator: ":", omittingEmptySubsequences: false)
        guard fields.count == 3, let count = Int(fields[2]), count > 0 else { return nil }
        let moment = fields[0].split(separator: "-")
        guard moment.count == 2, moment[0] == "before" || moment[0] == "after",
            let operation = Operation(rawValue: String(moment[1]))
        else { return nil }
        isAfter = moment[0] == "after"
        self.operation = operation
        part = String(fields[1])
        left = Atomic(count)
    }

    private static func fromEnvironment() -> CrashPoint? {
        // The environment is not changed after the start; the C string is copied at once.
        guard let value = unsafe getenv("DUOLOG_CRASH_AT") else { return nil }
        let text = unsafe String(cString: value)
        guard let point = CrashPoint(text) else {
            Process.end(64, message: "[FTL] DUOLOG_CRASH_AT=\(text) is no crash point\n")
        }
        return point
    }

    private func pass(_ operation: Operation, _ path: String, isAfter: Bool) {
        guard operation == self.operation, isAfter == self.isAfter, contains(path, part),
            left.subtract(1, ordering: .relaxed).newValue == 0
        else { return }
        kill(getpid(), SIGKILL)
        // The signal ends this thread too, if not at once.
        while true { pause() }
    }

    private func contains(_ path: String, _ part: String) -> Bool {
        path.utf8.indices.contains { path.utf8[$0...].starts(with: part.utf8) }
    }
}
