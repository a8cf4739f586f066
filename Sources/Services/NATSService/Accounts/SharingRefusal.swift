import ServerConfig
public import Subjects

/// Why accounts cannot share as the configuration says. nats-server's words, where it has some.
public enum SharingRefusal: Error, Equatable, CustomStringConvertible {
    case badMapping(account: String, source: String, SubjectMappings.Refusal)
    case badExport(isService: Bool, subject: String)
    case unknownAccount(String, of: String)
    case notAuthorized(isService: Bool, subject: String)
    case badTransform(
        isService: Bool, subject: String, from: String, to: String, SubjectTransform.Refusal)
    case duplicateService(local: String, account: String, subject: String)
    case duplicateStream(subject: String)
    case cycle(isService: Bool, subject: String)
    case latency(subject: String)

    public var description: String {
        switch self {
        case .badMapping(let account, let source, let refusal):
            "Error adding mapping for \"\(source)\" in account \"\(account)\": \(refusal)"
        case .badExport(let isService, let subject):
            "Error adding \(Self.kind(isService)) export \"\(subject)\": invalid subject"
        case .unknownAccount(let name, let what): "\"\(name)\" account not defined for \(what)"
        case .notAuthorized(let isService, let subject):
            "Error adding \(Self.kind(isService)) import \"\(subject)\": \(Self.kind(isService)) import not authorized"
        case .badTransform(let isService, let subject, let from, let to, let refusal):
            "Error adding \(Self.kind(isService)) import \"\(subject)\": failed to create mapping transform for \(Self.kind(isService)) import subject from \"\(from)\" to \"\(to)\": \(refusal)"
        case .duplicateService(let local, let account, let subject):
            "Duplicate service import subject \"\(local)\", previously used in import for account \"\(account)\", subject \"\(subject)\""
        case .duplicateStream(let subject):
            "Error adding stream import \"\(subject)\": stream import already exists"
        case .cycle(let isService, let subject):
            "Error adding \(Self.kind(isService)) import \"\(subject)\": import forms a cycle"
        case .latency(let subject):
            "Error adding service export \"\(subject)\": latency tracking is not supported by this server"
        }
    }

    private static func kind(_ isService: Bool) -> String { isService ? "service" : "stream" }
}
