import Accounts
import NATSService
import ServerConfig

/// Who may connect, and what accounts share, checked as a whole before any of it is put in force.
struct AccountRules {
    let sharing: SharingPlan

    /// - Throws: `AccountFault`, `SharingRefusal` or `ServerFailure`, for the first thing that makes no sense.
    init(_ options: ServerOptions) throws {
        _ = try AccountDirectory(options)
        // In operator mode accounts come from JWTs, later.
        let hasOperator = !options.operators.isEmpty || !options.trustedKeys.isEmpty
        if let name = options.kafka?.account, name != "$G", !hasOperator,
            !options.accounts.contains(where: { $0.name == name })
        {
            throw ServerFailure(description: "kafka: there is no account \"\(name)\"")
        }
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
