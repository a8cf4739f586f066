public import Accounts
import Model
import Platform
public import ServerConfig
import Transport

/// Who may connect, at the start and after each change of the configuration or of an account's JWT.
extension NATSService {
    /// Checks who may connect by `options`, and reads what they name. Changes nothing. Any thread.
    ///
    /// - Throws: what makes no sense, or what could not be read.
    public func prepareAccounts(_ options: ServerOptions) throws(AccountSetupFailure) -> AccountSetup
    {
        var directory: AccountDirectory
        do { directory = try AccountDirectory(options) } catch { throw .refused(error) }
        var setup = AccountSetup(directory: directory)
        if case .directory(let place) = options.resolver {
            do { setup.folder = try AccountFolder(place) } catch { throw .folder(error) }
        }
        let now = Clock.now()
        for preloaded in options.resolverPreload {
            do {
                try directory.addAccount(preloaded.jwt, expecting: preloaded.account, now: now)
            } catch { throw .preload(account: preloaded.account, error) }
        }
        setup.directory = directory
        return setup
    }

    /// Lets those in whom `setup` names, with what it says. Who is connected stays with what he may
    /// do now, or goes. Any thread.
    public func install(_ setup: AccountSetup) {
        authenticator.replace(folder: setup.folder) { old in
            var directory = setup.directory
            guard directory.isOperatorMode else { return directory }
            // What was found before is still there; what the options say now counts more.
            for known in old.resolvedJWTs where directory.accountClaims(known.account) == nil {
                do throws(JWTFault) {
                    try directory.addAccount(
                        known.jwt, expecting: known.account, now: Clock.now())
                } catch {
                    clientLog?.warn("Account \(known.account) is not kept: \(error.text)")
                }
            }
            return directory
        }
        if setup.directory.hasPlainPasswords {
            clientLog?.warn("Plaintext passwords detected, use nkeys or bcrypt")
        }
        if setup.directory.isOperatorMode { accountsChanged() }
        renewSessions()
    }

    /// From now on `directory` says who may connect, and what those may do who are here. Any thread.
    public func replaceDirectory(_ directory: AccountDirectory) {
        authenticator.replace(folder: authenticator.folder) { _ in directory }
        renewSessions()
    }

    /// All sessions, or those of one account.
    func renewSessions(of account: String? = nil) {
        let directory = authenticator.directory
        for loop in loops {
            let list = sessions[loop.index]
            loop.post {
                for session in Array(list.all.values)
                where account == nil || session.identity.account == account {
                    session.renewIdentity(directory)
                }
            }
        }
    }

    /// In operator mode: accounts were found, or say something else now.
    func accountsChanged() {
        let directory = authenticator.directory
        let accounts = directory.resolvedAccounts.sorted { $0.name < $1.name }
        apply(
            SharingPlan.tolerant(directory.configuredAccounts + accounts) { [clientLog] account, refusal in
                clientLog?.warn("Account \(account): \(refusal)")
            })
        onAccountsChanged?(accounts)
    }
}

/// Who may connect, checked and ready to be put in force.
public struct AccountSetup: Sendable {
    var directory: AccountDirectory
    var folder: AccountFolder?
}

/// Why the accounts of a configuration cannot be put in force.
public enum AccountSetupFailure: Error, CustomStringConvertible {
    case refused(AccountFault)
    case folder(SystemError)
    case preload(account: String, JWTFault)

    public var description: String {
        switch self {
        case .refused(let fault): fault.description
        case .folder(let error): "resolver: \(error)"
        case .preload(let account, let fault):
            "resolver_preload of account \(account): \(fault.text)"
        }
    }
}
