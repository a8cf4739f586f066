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

    private struct Letter: Equatable {
        var character: Character
        /// One that was escaped belongs to the name, also where it is a blank at its edge.
        var isEscaped: Bool

        init(_ character: Character, isEscaped: Bool = false) {
            self.character = character
            self.isEscaped = isEscaped
        }
    }

    private static func trimmed(_ letters: ArraySlice<Letter>) -> String {
        let blank = Letter(" ")
        var letters = letters.drop { $0 == blank }
        while letters.last == blank { letters.removeLast() }
        return String(letters.map(\.character))
    }

    /// Nil for text that is no such name.
    init?(_ text: String) {
        var parts: [Set<String>] = [[]]
        var pair: [Letter] = []
        var isEscaped = false
        func finish() -> Bool {
            guard let equals = pair.firstIndex(of: Letter("=")) else { return false }
            let type = Self.trimmed(pair[..<equals]).uppercased()
            let value = Self.trimmed(pair[(equals + 1)...])
            guard !type.isEmpty else { return false }
            parts[parts.count - 1].insert("\(type)=\(value)")
            pair = []
            return true
        }
        for letter in text {
            if isEscaped {
                pair.append(Letter(letter, isEscaped: true))
                isEscaped = false
                continue
            }
            switch letter {
            case "\\": isEscaped = true
            case ",", ";":
                guard finish() else { return nil }
                parts.append([])
            case "+": guard finish() else { return nil }
            default: pair.append(Letter(letter))
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
