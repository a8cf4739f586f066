import ServerConfig
import Subjects
import Transport

extension NATSService {
    /// Puts in force what accounts share and how they map subjects. Accounts that the plan does not
    /// name share nothing from now on. Any thread; sessions follow in the next turn of their loops.
    public func apply(_ plan: SharingPlan) {
        var names = Set(plan.accounts.keys)
        for account in accounts.all { names.insert(account.name) }
        for name in names.sorted() {
            let planned = plan.accounts[name] ?? SharingPlan.Account()
            let account = accounts.account(named: name)
            var sharing = AccountRouting.Sharing()
            sharing.mappings = planned.mappings
            sharing.streamImports = planned.streams.map { stream in
                StreamImport(
                    exporter: accounts.account(named: stream.exporter), local: stream.local,
                    transform: stream.transform, reversed: stream.reversed)
            }
            sharing.serviceImports = planned.services.map { service in
                ServiceImport(
                    importer: account, exporter: accounts.account(named: service.exporter),
                    local: service.local.text, target: service.target,
                    response: service.export.response,
                    thresholdNanoseconds: service.export.responseThresholdNanoseconds,
                    shares: service.shares)
            }
            account.replace(sharing)
        }
        for loop in loops {
            let list = sessions[loop.index]
            loop.post { for session in list.all.values { session.learnSharing() } }
        }
    }
}
