public import ServerConfig
import Subjects

/// What accounts share, checked and ready to be put in force: a value that knows no routers.
///
/// An import belongs to the first export of the other account whose subject covers it and that lets
/// the importing account have it.
public struct SharingPlan: Sendable {
    struct Stream: Sendable {
        var exporter: String
        var subject: String
        var local: SubjectFilter
        var transform: SubjectTransform?
        var reversed: SubjectTransform?
    }

    struct Service: Sendable {
        var exporter: String
        var subject: String
        var local: SubjectFilter
        var target: ServiceImport.Target
        var export: ExportOptions
        var shares: Bool
    }

    struct Account: Sendable {
        var mappings = SubjectMappings()
        var streams: [Stream] = []
        var services: [Service] = []
    }

    private(set) var accounts: [String: Account] = [:]
    /// What was left out, and whose it is, where that is no reason to refuse everything.
    private var faults: [(account: String, refusal: SharingRefusal)] = []
    private let options: [String: AccountOptions]
    private let isLenient: Bool

    /// The plan of accounts that come and go with their JWTs: an import that its exporter does not
    /// let happen, or not yet, is left out, and the rest holds.
    ///
    /// - Parameter onRefusal: told of whatever is left out, and of which account.
    public static func tolerant(
        _ accounts: [AccountOptions], onRefusal: (String, SharingRefusal) -> Void
    ) -> SharingPlan {
        do {
            let plan = try SharingPlan(accounts, isLenient: true)
            for fault in plan.faults { onRefusal(fault.account, fault.refusal) }
            return plan
        } catch { preconditionFailure("a lenient plan refuses nothing: \(error)") }
    }

    /// - Throws: the first thing that makes no sense; see ``SharingRefusal``.
    public init(_ options: [AccountOptions]) throws(SharingRefusal) {
        try self.init(options, isLenient: false)
    }

    private init(_ options: [AccountOptions], isLenient: Bool) throws(SharingRefusal) {
        self.isLenient = isLenient
        self.options = Dictionary(options.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        for account in options {
            do { try Self.check(account.exports, self.options) } catch {
                try note(error, of: account.name)
            }
            var mappings = SubjectMappings()
            for mapping in account.mappings {
                do {
                    try mappings.add(
                        mapping.source,
                        to: mapping.destinations.map {
                            .init($0.subject, weight: $0.weight, cluster: $0.cluster)
                        })
                } catch {
                    try note(
                        .badMapping(account: account.name, source: mapping.source, error),
                        of: account.name)
                }
            }
            accounts[account.name] = Account(mappings: mappings)
        }
        for account in options {
            for wanted in account.imports {
                do throws(SharingRefusal) { try add(wanted, to: account.name) } catch {
                    try note(error, of: account.name)
                }
            }
        }
    }

    private mutating func note(
        _ refusal: SharingRefusal, of account: String
    ) throws(SharingRefusal) {
        guard isLenient else { throw refusal }
        faults.append((account, refusal))
    }

    private mutating func add(
        _ wanted: ImportOptions, to importer: String
    ) throws(SharingRefusal) {
        guard options[wanted.account] != nil else {
            throw .unknownAccount(wanted.account, of: "\(wanted.kind.rawValue) import")
        }
        switch wanted.kind {
        case .service: try addService(wanted, to: importer)
        case .stream: try addStream(wanted, to: importer)
        }
    }

    // MARK: Exports

    private static func check(
        _ exports: [ExportOptions], _ accounts: [String: AccountOptions]
    ) throws(SharingRefusal) {
        for export in exports {
            let isService = export.kind == .service
            guard SubjectFilter(export.subject) != nil else {
                throw .badExport(isService: isService, subject: export.subject)
            }
            if let position = export.accountTokenPosition, position > 0 {
                let tokens = export.subject.split(separator: ".")
                guard position <= tokens.count, tokens[position - 1] == "*" else {
                    throw .badExport(isService: isService, subject: export.subject)
                }
            }
            for name in export.accounts ?? [] where accounts[name] == nil {
                throw .unknownAccount(name, of: "\(export.kind.rawValue) export")
            }
            if export.latency != nil { throw .latency(subject: export.subject) }
        }
    }

    /// The export that lets `importer` have what it wants.
    private func export(
        for wanted: ImportOptions, importer: String
    ) throws(SharingRefusal) -> ExportOptions {
        let isService = wanted.kind == .service
        guard let subject = SubjectFilter(wanted.subject) else {
            throw .notAuthorized(isService: isService, subject: wanted.subject)
        }
        let found = (options[wanted.account]?.exports ?? []).first { export in
            guard export.kind == wanted.kind,
                SubjectFilter(export.subject)?.contains(subject) == true
            else { return false }
            if let position = export.accountTokenPosition, position > 0 {
                let tokens = wanted.subject.split(separator: ".")
                return tokens.indices.contains(position - 1) && tokens[position - 1] == importer
            }
            return export.accounts?.contains(importer) ?? true
        }
        guard let found else {
            throw .notAuthorized(isService: isService, subject: wanted.subject)
        }
        return found
    }

    // MARK: Imports

    private mutating func addService(
        _ wanted: ImportOptions, to importer: String
    ) throws(SharingRefusal) {
        let export = try export(for: wanted, importer: importer)
        let local = wanted.to ?? wanted.subject
        for other in accounts[importer]?.services ?? [] where other.local.text == local {
            throw .duplicateService(
                local: local, account: other.exporter, subject: other.subject)
        }
        let target: ServiceImport.Target
        var filter = local
        if local == wanted.subject {
            target = SubjectFilter(local)?.isLiteral == true ? .fixed(Array(local.utf8)) : .same
        } else if wanted.subject.hasWildcard {
            // Written from the exporter's side, used from the importer's.
            let transform: SubjectTransform
            do {
                transform = try SubjectTransform(
                    wanted.subject, to: local.withNumberedWildcards, forImport: true)
            } catch {
                throw .badTransform(
                    isService: true, subject: wanted.subject, from: local, to: wanted.subject,
                    error)
            }
            guard let back = transform.reversed else {
                throw .badTransform(
                    isService: true, subject: wanted.subject, from: local, to: wanted.subject,
                    .unusedWildcards(destination: local))
            }
            filter = back.source.text
            target = .transform(back)
        } else {
            target = .fixed(Array(wanted.subject.utf8))
        }
        guard let localFilter = SubjectFilter(filter) else {
            throw .badTransform(
                isService: true, subject: wanted.subject, from: local, to: wanted.subject,
                .invalidSubject)
        }
        let service = Service(
            exporter: wanted.account, subject: wanted.subject, local: localFilter, target: target,
            export: export, shares: wanted.shares)
        if leadsBack(service, to: importer) {
            throw .cycle(isService: true, subject: wanted.subject)
        }
        accounts[importer]?.services.append(service)
    }

    private mutating func addStream(
        _ wanted: ImportOptions, to importer: String
    ) throws(SharingRefusal) {
        _ = try export(for: wanted, importer: importer)
        var local = wanted.to ?? wanted.subject
        if wanted.to == nil, let prefix = wanted.prefix, !prefix.isEmpty {
            local = prefix + (prefix.hasSuffix(".") ? "" : ".") + wanted.subject
        }
        var transform: SubjectTransform?
        if local != wanted.subject {
            do {
                transform = try SubjectTransform(
                    wanted.subject, to: local.withNumberedWildcards, forImport: true)
            } catch {
                throw .badTransform(
                    isService: false, subject: wanted.subject, from: wanted.subject, to: local,
                    error)
            }
        }
        let reversed = transform?.reversed
        guard let filter = reversed?.source ?? SubjectFilter(local),
            transform == nil || reversed != nil
        else {
            throw .badTransform(
                isService: false, subject: wanted.subject, from: wanted.subject, to: local,
                .invalidSubject)
        }
        let stream = Stream(
            exporter: wanted.account, subject: wanted.subject, local: filter,
            transform: transform, reversed: reversed)
        let known = accounts[importer]?.streams ?? []
        if known.contains(where: { $0.exporter == stream.exporter && $0.subject == stream.subject && $0.local == filter }) {
            throw .duplicateStream(subject: wanted.subject)
        }
        if leadsBack(stream, to: importer) {
            throw .cycle(isService: false, subject: wanted.subject)
        }
        accounts[importer]?.streams.append(stream)
    }

    // MARK: Cycles

    /// Whether requests would come back to the account that they began in.
    private func leadsBack(_ service: Service, to importer: String) -> Bool {
        var visited: Set<String> = [importer]
        func visit(_ account: String, _ subject: SubjectFilter) -> Bool {
            guard visited.insert(account).inserted else { return true }
            defer { visited.remove(account) }
            for next in accounts[account]?.services ?? [] where next.local.overlaps(subject) {
                if let to = SubjectFilter(next.subject), visit(next.exporter, to) { return true }
            }
            return false
        }
        guard service.exporter != importer, let subject = SubjectFilter(service.subject) else {
            return false
        }
        return visit(service.exporter, subject)
    }

    private func leadsBack(_ stream: Stream, to importer: String) -> Bool {
        guard stream.exporter != importer, let subject = SubjectFilter(stream.subject) else {
            return false
        }
        return (accounts[stream.exporter]?.streams ?? []).contains {
            $0.exporter == importer && $0.local.overlaps(subject)
        }
    }
}

extension String {
    fileprivate var hasWildcard: Bool {
        split(separator: ".").contains { $0 == "*" || $0 == ">" }
    }

    /// Each `*` as the number of the wildcard that it stands for.
    fileprivate var withNumberedWildcards: String {
        var number = 0
        return split(separator: ".", omittingEmptySubsequences: false).map { token -> String in
            guard token == "*" else { return String(token) }
            number += 1
            return "$\(number)"
        }.joined(separator: ".")
    }
}
