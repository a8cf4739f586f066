import Bytes
import JSON
import NATSService
import Subjects

/// The options of a report by name, with the errors that nats-server gives for bad ones.
struct ReportFields: Sendable {
    private let query: [String: String]
    private let json: JSONValue?

    /// From an HTTP query; the first value of a name counts.
    init(query: [String: String]) {
        self.query = query
        json = nil
    }

    /// From the payload of a system request; empty means no options.
    init(json bytes: [UInt8]) throws(ServerReportRefusal) {
        query = [:]
        if bytes.isEmpty {
            json = .object([])
            return
        }
        do {
            let value = try JSONValue.parse(bytes.span.bytes)
            json = value.isNull ? .object([]) : value
        } catch {
            throw .malformed("\(error)")
        }
    }

    /// Whether the report is asked for by a system request.
    var isSystemRequest: Bool { json != nil }

    /// The first of these names that is there; a query knows the first one only.
    private func value(_ names: [String]) -> JSONValue? {
        guard let json else { return nil }
        for name in names { if let value = json[name], !value.isNull { return value } }
        return nil
    }

    func text(_ names: String...) -> String {
        if json != nil { return value(names)?.string ?? "" }
        return query[names[0]] ?? ""
    }

    func list(_ name: String) -> [String] { value([name])?.array?.compactMap(\.string) ?? [] }

    /// As Go reads one: 1, t, true, 0, f, false in some spellings; nothing is false.
    func flag(_ names: String...) throws(ServerReportRefusal) -> Bool {
        if json != nil {
            guard let value = value(names) else { return false }
            guard let flag = value.bool else { throw .malformed("\(names[0]) is not a bool") }
            return flag
        }
        return try Self.flag(query[names[0]] ?? "", names[0])
    }

    private static func flag(_ text: String, _ name: String) throws(ServerReportRefusal) -> Bool {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": return true
        case "", "0", "f", "F", "false", "FALSE", "False": return false
        default:
            throw .bad(
                "Error decoding boolean for '\(name)': strconv.ParseBool: parsing \"\(text)\": invalid syntax")
        }
    }

    func integer(_ name: String) throws(ServerReportRefusal) -> Int {
        if json != nil {
            guard let value = value([name]) else { return 0 }
            guard let number = value.integer(Int.self) else { throw .malformed("\(name) is not a number") }
            return number
        }
        guard let text = query[name], !text.isEmpty else { return 0 }
        guard let number = Int(text) else {
            throw .bad("Error decoding int for '\(name)': strconv.Atoi: parsing \"\(text)\": invalid syntax")
        }
        return number
    }

    func unsigned(_ name: String) throws(ServerReportRefusal) -> UInt64 {
        if json != nil {
            guard let value = value([name]) else { return 0 }
            guard let number = value.integer(UInt64.self) else {
                throw .malformed("\(name) is not a number")
            }
            return number
        }
        guard let text = query[name], !text.isEmpty else { return 0 }
        guard let number = UInt64(text) else {
            throw .bad(
                "Error decoding uint64 for '\(name)': strconv.ParseUint: parsing \"\(text)\": invalid syntax")
        }
        return number
    }

    /// `subs`: a flag, or `detail`. A system request has two flags instead.
    func subscriptionsFlag() throws(ServerReportRefusal) -> (list: Bool, details: Bool) {
        if json != nil {
            return (try flag("subscriptions"), try flag("subscriptions_detail"))
        }
        if query["subs"]?.lowercased() == "detail" { return (false, true) }
        return (try flag("subs"), false)
    }

    /// `state`: a word in a query, a number in a system request.
    func connectionState() throws(ServerReportRefusal) -> ConnectionOptions.State {
        if json != nil {
            switch try integer("state") {
            case 0: return .open
            case 1: return .closed
            case 2: return .any
            default: return .none
            }
        }
        switch query["state"]?.lowercased() ?? "" {
        case "", "open": return .open
        case "closed": return .closed
        case "any", "all": return .any
        default: throw .bad("Error decoding state for \(query["state"] ?? "")")
        }
    }

    static func isLiteral(_ subject: String) -> Bool {
        SubjectBytes.isLiteral(Array(subject.utf8).span.bytes)
    }
}
