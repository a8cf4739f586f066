import Accounts
import NATSService
import ServerConfig

/// Who may connect, and what accounts share, checked as a whole before any of it is put in force.
struct AccountRules {
    let sharing: SharingPlan

    /// - Throws: `AccountFault` or `SharingRefusal`, for the first thing that makes no sense.
    init(_ options: ServerOptions) throws {
        _ = try AccountDirectory(options)
        sharing = try SharingPlan(Self.accounts(options))
    }

    /// Those that the operator named, and `$G` where it maps subjects.
    static func accounts(_ options: ServerOptions) -> [AccountOptions] {
        guard !options.mappings.isEmpty else { return options.accounts }
        var global = AccountOptions(name: "$G")
        global.mappings = options.mappings
        return options.accounts + [global]
    }
}
