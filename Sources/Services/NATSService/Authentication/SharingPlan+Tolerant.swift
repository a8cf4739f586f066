import ServerConfig

extension SharingPlan {
    /// The plan of accounts that come and go with their JWTs: an import that its exporter does not
    /// let happen, or not yet, is left out, and the rest holds.
    ///
    /// - Parameter onRefusal: told of each import, or account, that is left out.
    static func tolerant(
        _ accounts: [AccountOptions], onRefusal: (String, SharingRefusal) -> Void
    ) -> SharingPlan {
        if let plan = try? SharingPlan(accounts) { return plan }
        let named = Dictionary(accounts.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        var usable: [AccountOptions] = []
        for account in accounts {
            var account = account
            let imports = account.imports
            account.imports = []
            for wanted in imports {
                var exporters: [AccountOptions] = []
                if wanted.account != account.name, var exporter = named[wanted.account] {
                    exporter.imports = []
                    // An export may name accounts that are not known here.
                    exporter.exports = exporter.exports.filter { $0.accounts?.isEmpty ?? true }
                    exporters.append(exporter)
                }
                var trial = account
                trial.imports.append(wanted)
                do {
                    _ = try SharingPlan([trial] + exporters)
                    account = trial
                } catch { onRefusal(account.name, error) }
            }
            usable.append(account)
        }
        do { return try SharingPlan(usable) } catch {
            onRefusal("of them all", error)
            for index in usable.indices {
                (usable[index].imports, usable[index].mappings) = ([], [])
                usable[index].exports = []
            }
        }
        do { return try SharingPlan(usable) } catch {
            preconditionFailure("accounts that share nothing cannot be planned: \(error)")
        }
    }
}
