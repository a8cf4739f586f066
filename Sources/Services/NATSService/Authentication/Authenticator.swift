import Accounts
import Glibc
import Model
import Synchronization

/// Decides who may connect: the directory of accounts as it is now, and the threads for what takes
/// long. Any thread.
final class Authenticator: Sendable {
    private let state: Mutex<AccountDirectory>
    let workers: PasswordWorkers

    init(_ directory: AccountDirectory, loopCount: Int) {
        state = Mutex(directory)
        workers = PasswordWorkers(threadCount: loopCount / 2)
    }

    var directory: AccountDirectory { state.withLock { $0 } }

    func replace(_ directory: AccountDirectory) { state.withLock { $0 = directory } }

    func authenticate(_ credentials: ClientCredentials, now: Timestamp) -> Authentication {
        directory.authenticate(credentials, now: now, utcOffset: Self.utcOffset)
    }

    /// Seconds east of Greenwich at this moment. Of the names of time zones only that of the
    /// server's own, which is empty, and UTC are known.
    private static func utcOffset(_ location: String) -> Int64? {
        if location == "UTC" { return 0 }
        guard location.isEmpty else { return nil }
        var now = time(nil)
        var parts = tm()
        guard localtime_r(&now, &parts) != nil else { return nil }
        return Int64(parts.tm_gmtoff)
    }
}
