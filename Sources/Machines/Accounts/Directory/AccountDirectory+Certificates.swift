import ServerConfig

/// Clients that are known by the names in their certificates.
extension AccountDirectory {
    func mapsNames(_ credentials: ClientCredentials) -> Bool {
        credentials.connectionType == .webSocket ? mapsWebSocketCertificates : mapsCertificates
    }

    /// In this order: e-mail addresses, DNS names, URIs, the subject as it is written, the subject
    /// as a set of its parts.
    func authenticateCertificate(_ credentials: ClientCredentials) -> Authentication {
        guard let names = credentials.certificate else { return .refused(.noCertificateMatch) }
        let all =
            names.emailAddresses + names.dnsNames + names.uris + [names.distinguishedName]
        for name in all where !name.isEmpty {
            if let user = users[name], user.allows(credentials.connectionType) {
                return accept(user, credentials)
            }
        }
        guard let wanted = DistinguishedName(names.distinguishedName) else {
            return .refused(.noCertificateMatch)
        }
        let candidates = users.values
            .filter { $0.allows(credentials.connectionType) }
            .sorted { $0.name < $1.name }
            .compactMap { user in DistinguishedName(user.name).map { (user, $0) } }
        let match =
            candidates.first { $0.1.parts == wanted.parts }
            ?? candidates.first { $0.1.isSame(as: wanted) }
        guard let match else { return .refused(.noCertificateMatch) }
        return accept(match.0, credentials)
    }

    /// A password, if the user has one, is asked for all the same.
    private func accept(_ user: User, _ credentials: ClientCredentials) -> Authentication {
        let identity = identity(of: user, secret: nil)
        guard let secret = user.secret, !secret.matchesNothing else { return .accepted(identity) }
        if secret.isHash {
            return .mustHash(
                PasswordWork(secret: secret, offered: credentials.password, identity: identity))
        }
        return secret.matches(credentials.password)
            ? .accepted(identity) : .refused(.wrongPassword)
    }
}

extension StoredSecret {
    /// Whether no password was given at all.
    fileprivate var matchesNothing: Bool { self == StoredSecret("") }
}

/// The subject of a certificate, in parts. Source: RFC 2253.
struct DistinguishedName {
    /// `type=value` pairs, types in upper case; several joined by `+` are one part.
    let parts: [Set<String>]

    /// Nil for text that is no such name.
    init?(_ text: String) {
        var parts: [Set<String>] = [[]]
        var pair = ""
        var isEscaped = false
        func finish() -> Bool {
            guard let equals = pair.firstIndex(of: "=") else { return false }
            let type = pair[..<equals].trimmed.uppercased()
            let value = pair[pair.index(after: equals)...].trimmed
            guard !type.isEmpty else { return false }
            parts[parts.count - 1].insert("\(type)=\(value)")
            pair = ""
            return true
        }
        for letter in text {
            if isEscaped {
                pair.append(letter)
                isEscaped = false
                continue
            }
            switch letter {
            case "\\": isEscaped = true
            case ",", ";":
                guard finish() else { return nil }
                parts.append([])
            case "+": guard finish() else { return nil }
            default: pair.append(letter)
            }
        }
        guard !isEscaped, finish() else { return nil }
        self.parts = parts
    }

    /// Whether the parts are the same in some order.
    func isSame(as other: DistinguishedName) -> Bool {
        guard parts.count == other.parts.count else { return false }
        var left = other.parts
        for part in parts {
            guard let index = left.firstIndex(of: part) else { return false }
            left.remove(at: index)
        }
        return true
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var text = drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
