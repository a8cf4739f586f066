import Accounts
import Glibc
import Model
import Platform
import ServerConfig
import Synchronization

/// Decides who may connect: the directory of accounts as it is now, where the JWTs of accounts come
/// from, and the threads for what takes long. Any thread.
final class Authenticator: Sendable {
    private let state: Mutex<State>
    let workers: SlowWorkers

    private struct State {
        var directory: AccountDirectory
        /// Nil: accounts are known that the configuration names, and no others.
        var folder: AccountFolder?
        /// Raised with each change.
        var revision: UInt64 = 0
    }

    init(_ directory: AccountDirectory, loopCount: Int) {
        state = Mutex(State(directory: directory))
        workers = SlowWorkers(threadCount: loopCount / 2)
    }

    var directory: AccountDirectory { state.withLock { $0.directory } }
    var folder: AccountFolder? { state.withLock { $0.folder } }

    /// Puts what `make` makes of the present directory in its place. Should that change meanwhile, it
    /// is made again: no JWT that was added or taken away is lost.
    func replace(
        folder: AccountFolder?, _ make: (AccountDirectory) -> AccountDirectory
    ) {
        while true {
            let (old, revision) = state.withLock { ($0.directory, $0.revision) }
            let new = make(old)
            let isDone = state.withLock { state in
                guard state.revision == revision else { return false }
                state = State(directory: new, folder: folder, revision: revision + 1)
                return true
            }
            if isDone { return }
        }
    }

    func authenticate(_ credentials: ClientCredentials, now: Timestamp) -> Authentication {
        directory.authenticate(credentials, now: now, utcOffset: Self.utcOffset)
    }

    /// What a callout's answer means.
    func settle(
        _ answer: [UInt8], to question: CalloutQuestion, openedBy key: SealingKey, now: Timestamp
    ) -> Authentication {
        directory.settle(
            answer, to: question, openedBy: key, now: now, utcOffset: Self.utcOffset)
    }

    // MARK: Accounts with JWTs

    /// Takes in an account's JWT.
    ///
    /// - Throws: what is wrong with it; nothing has changed then.
    @discardableResult
    func add(
        _ jwt: String, expecting account: String? = nil, now: Timestamp
    ) throws(JWTFault) -> AccountClaims {
        try state.withLock { state throws(JWTFault) in
            let claims = try state.directory.addAccount(jwt, expecting: account, now: now)
            state.revision += 1
            return claims
        }
    }

    func remove(_ account: String) {
        state.withLock {
            $0.directory.removeAccount(account)
            $0.revision += 1
        }
    }

    /// Looks for the JWT of an account, and for those of the accounts that it imports from. On a
    /// worker.
    ///
    /// - Returns: whether it was found.
    func resolve(_ account: String, now: Timestamp) throws(AccountResolution) -> Bool {
        guard let folder else { return false }
        var wanted = [account]
        var seen: Set<String> = []
        while let name = wanted.popLast() {
            guard seen.insert(name).inserted, let key = NKey(name, .account),
                directory.accountClaims(name) == nil
            else { continue }
            let text: String?
            do { text = try folder.load(key) } catch { throw .unreadable(account: name, error) }
            guard let text else { continue }
            do {
                let claims = try add(text, expecting: name, now: now)
                wanted += claims.options.imports.map(\.account)
            } catch { throw .invalid(account: name, error) }
        }
        return directory.accountClaims(account) != nil
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

/// Why the JWT of an account that is there cannot be used.
enum AccountResolution: Error, CustomStringConvertible {
    case unreadable(account: String, SystemError)
    case invalid(account: String, JWTFault)

    var description: String {
        switch self {
        case .unreadable(let account, let error): "Account \(account): \(error)"
        case .invalid(let account, let fault): "Account \(account): JWT not valid: \(fault.text)"
        }
    }
}
