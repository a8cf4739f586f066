import ServerConfig
import Subjects

/// Fills the templates of a scoped signing key with what is known of a user and his account.
///
/// Tokens of a subject may be `{{name()}}`, `{{subject()}}`, `{{account-name()}}`,
/// `{{account-subject()}}`, `{{tag(x)}}` and `{{account-tag(x)}}`. A tag that is there several times
/// gives a subject for each. Source: nats-server 2.15, `processUserPermissionsTemplate`.
struct ScopeTemplate {
    let user: UserClaims
    let account: AccountClaims

    /// So many subjects at most come out of one list.
    static let maximumExpansion = 4096

    /// Nil where something that denies has no sense: rather nobody gets in than somebody too much.
    func fill(_ permissions: PermissionsOptions) -> PermissionsOptions? {
        var filled = permissions
        if let publish = permissions.publish {
            guard let rules = fill(publish) else { return nil }
            filled.publish = rules
        }
        if let subscribe = permissions.subscribe {
            guard let rules = fill(subscribe) else { return nil }
            filled.subscribe = rules
        }
        return filled
    }

    private func fill(_ rules: SubjectPermission) -> SubjectPermission? {
        guard let allow = expand(rules.allow, mustBeValid: false),
            var deny = expand(rules.deny, mustBeValid: true)
        else { return nil }
        // An empty list would allow everything.
        if allow.isEmpty, !rules.allow.isEmpty { deny.append(">") }
        return SubjectPermission(allow: allow, deny: deny)
    }

    private func expand(_ entries: [String], mustBeValid: Bool) -> [String]? {
        var all: [String] = []
        for entry in entries {
            // A queue behind the subject is no template.
            let parts = entry.split(separator: " ", maxSplits: 1)
            guard let subject = parts.first else { return nil }
            var made: [[Substring]] = [[]]
            for token in subject.split(separator: ".", omittingEmptySubsequences: false) {
                let values = values(of: token)
                guard made.count * max(1, values.count) + all.count <= Self.maximumExpansion else {
                    return nil
                }
                made = made.flatMap { start in values.map { start + [$0] } }
            }
            // A function without a value makes no subject at all.
            if made.isEmpty, mustBeValid { return nil }
            for tokens in made {
                let text = tokens.joined(separator: ".")
                if SubjectFilter(text) != nil {
                    all.append(parts.count == 2 ? "\(text) \(parts[1])" : text)
                } else if mustBeValid {
                    return nil
                }
            }
        }
        return all
    }

    private func values(of token: Substring) -> [Substring] {
        guard token.hasPrefix("{{"), token.hasSuffix("}}"), token.count >= 4 else { return [token] }
        let function = token.dropFirst(2).dropLast(2).lowercased()
        switch function {
        case "name()": return [Substring(user.name)]
        case "subject()": return [Substring(user.subject.text)]
        case "account-name()": return [Substring(account.name)]
        case "account-subject()": return [Substring(account.subject)]
        default: break
        }
        if let name = argument(of: "tag", in: function) { return tagged(name, user.tags) }
        if let name = argument(of: "account-tag", in: function) {
            return tagged(name, account.tags.map { $0.lowercased() })
        }
        return []
    }

    private func argument(of function: String, in text: String) -> Substring? {
        guard text.hasPrefix("\(function)("), text.hasSuffix(")") else { return nil }
        return text.dropFirst(function.count + 1).dropLast()
    }

    private func tagged(_ name: Substring, _ tags: [String]) -> [Substring] {
        tags.filter { $0.hasPrefix("\(name):") }.map { $0.dropFirst(name.count + 1) }
    }
}

extension PermissionsOptions {
    /// Whether any subject has a function in it.
    var isTemplate: Bool {
        [publish, subscribe].contains { rules in
            guard let rules else { return false }
            return (rules.allow + rules.deny).contains { $0.contains("{{") }
        }
    }
}
