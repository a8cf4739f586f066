import Bytes
import JSON

/// What a client says about itself in CONNECT. What it leaves out keeps these defaults, verbose
/// among them.
public struct ConnectOptions: Equatable, Sendable {
    public var verbose = true
    public var pedantic = true
    public var echo = true
    public var tlsRequired = false
    public var headers = false
    public var noResponders = false
    /// 0, or 1 for clients that understand a later INFO.
    public var clientProtocol = 0
    public var name = ""
    public var language = ""
    public var version = ""
    public var user = ""
    public var password = ""
    public var authToken = ""
    public var jwt = ""
    public var nkey = ""
    public var signature = ""
    public var account = ""
    public var newAccount = false

    public init() {}

    /// Reads CONNECT's argument: `null`, which changes nothing, or an object whose unknown fields don't matter, but where a known one
    /// of the wrong type makes it all invalid. Names are compared without regard to case, as Go
    /// does.
    public init(parsing bytes: RawSpan) throws(InvalidConnect) {
        guard let value = try? JSONValue.parse(bytes) else { throw InvalidConnect() }
        if value.isNull { return }
        guard case .object(let members) = value else { throw InvalidConnect() }
        for member in members where !member.value.isNull {
            try set(member.name.lowercased(), member.value)
        }
    }

    private mutating func set(_ name: String, _ value: JSONValue) throws(InvalidConnect) {
        switch name {
        case "verbose": verbose = try flag(value)
        case "pedantic": pedantic = try flag(value)
        case "echo": echo = try flag(value)
        case "tls_required": tlsRequired = try flag(value)
        case "headers": headers = try flag(value)
        case "no_responders": noResponders = try flag(value)
        case "protocol":
            guard let number = value.integer(Int.self) else { throw InvalidConnect() }
            clientProtocol = number
        case "name": self.name = try text(value)
        case "lang": language = try text(value)
        case "version": version = try text(value)
        case "user": user = try text(value)
        case "pass": password = try text(value)
        case "auth_token": authToken = try text(value)
        case "jwt": jwt = try text(value)
        case "nkey": nkey = try text(value)
        case "sig": signature = try text(value)
        case "account": account = try text(value)
        case "new_account": newAccount = try flag(value)
        default: break
        }
    }

    private func flag(_ value: JSONValue) throws(InvalidConnect) -> Bool {
        guard let flag = value.bool else { throw InvalidConnect() }
        return flag
    }

    private func text(_ value: JSONValue) throws(InvalidConnect) -> String {
        guard let text = value.string else { throw InvalidConnect() }
        return text
    }
}

/// CONNECT's argument is not what it should be: the connection ends without a word.
public struct InvalidConnect: Error, Equatable, Sendable {
    public init() {}
}
