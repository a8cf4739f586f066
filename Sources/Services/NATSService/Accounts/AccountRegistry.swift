import Synchronization

/// The accounts that the server knows at this moment, by name. Any thread.
public final class AccountRegistry: Sendable {
    /// `$G`, which is always there.
    public let global: AccountRouting
    private let contexts: [LoopContext]
    private let accounts: Mutex<[String: AccountRouting]>
    private let observers = Mutex<[@Sendable (AccountRouting) -> Void]>([])

    init(contexts: [LoopContext]) {
        self.contexts = contexts
        global = AccountRouting(name: AccountRouting.globalName, contexts: contexts)
        accounts = Mutex([AccountRouting.globalName: global])
    }

    /// The account of that name, which is there from now on.
    public func account(named name: String) -> AccountRouting {
        accounts.withLock { accounts in
            if let known = accounts[name] { return known }
            let account = AccountRouting(name: name, contexts: contexts)
            // Before anybody can enter it.
            for observer in observers.withLock({ $0 }) { observer(account) }
            accounts[name] = account
            return account
        }
    }

    /// Calls `body` with each account, those that are there and those that come; any thread. It must
    /// not ask the registry for anything.
    func forEach(_ body: @escaping @Sendable (AccountRouting) -> Void) {
        accounts.withLock { accounts in
            observers.withLock { $0.append(body) }
            for account in accounts.values { body(account) }
        }
    }

    /// The account of that name, if there is one.
    public func known(_ name: String) -> AccountRouting? { accounts.withLock { $0[name] } }

    /// Forgets an account that the configuration has no more. Whoever is still in it stays until
    /// the connection ends, and is alone there. `$G` stays.
    public func forget(_ name: String) {
        guard name != AccountRouting.globalName else { return }
        accounts.withLock { $0.removeValue(forKey: name) }?.close()
    }

    /// In alphabetical order.
    public var all: [AccountRouting] {
        accounts.withLock { Array($0.values) }.sorted { $0.name < $1.name }
    }
}
