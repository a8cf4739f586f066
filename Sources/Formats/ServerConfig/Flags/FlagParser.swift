/// Why a command line is refused, in the words of Go's flag package.
public struct FlagError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String

    public init(_ description: String) { self.description = description }
}

/// One flag: what it may be called, and what it takes.
struct Flag: Sendable {
    enum Target: Sendable {
        case boolean(@Sendable (inout ServerFlags, Bool) -> Void)
        case integer(@Sendable (inout ServerFlags, Int) -> Void)
        case text(@Sendable (inout ServerFlags, String) -> Void)
        /// Of nats-server, and not of this server.
        case refused(takesValue: Bool)
    }

    /// Without dashes. The first is the one that messages use.
    let names: [String]
    let target: Target
    /// What the value is called in the help; empty for flags that are on or off.
    let valueName: String
    let help: String

    init(_ names: String..., takes valueName: String = "", help: String, _ target: Target) {
        self.names = names
        self.target = target
        self.valueName = valueName
        self.help = help
    }
}

/// Reads a command line as Go's flag package does: one dash or two, the value behind `=` or as the next argument; flags
/// that are on or off take a value only behind `=`. The first word that is no flag ends the flags.
///
/// Source: Go, package flag, "Command line flag syntax".
struct FlagParser {
    private let flags: [String: Flag]

    init(_ flags: [Flag]) {
        self.flags = Dictionary(
            uniqueKeysWithValues: flags.flatMap { flag in flag.names.map { ($0, flag) } })
    }

    /// - Parameter arguments: without the name of the program.
    /// - Returns: the words behind the flags.
    func parse(_ arguments: [String], into result: inout ServerFlags) throws(FlagError) -> [String] {
        var rest = arguments[...]
        while let argument = rest.first, argument.hasPrefix("-"), argument != "-" {
            rest = rest.dropFirst()
            if argument == "--" { break }
            let text = argument.drop { $0 == "-" }
            guard argument.count - text.count <= 2, !text.isEmpty, !text.hasPrefix("=") else {
                throw FlagError("bad flag syntax: \(argument)")
            }
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let flag = flags[name] else { throw FlagError("flag provided but not defined: -\(name)") }
            let attached = parts.count > 1 ? String(parts[1]) : nil
            func value() throws(FlagError) -> String {
                if let attached { return attached }
                guard let next = rest.first else { throw FlagError("flag needs an argument: -\(name)") }
                rest = rest.dropFirst()
                return next
            }
            switch flag.target {
            case .boolean(let set):
                guard let isOn = Self.boolean(attached ?? "true") else {
                    throw FlagError("invalid boolean value \"\(attached!)\" for -\(name): parse error")
                }
                set(&result, isOn)
            case .integer(let set):
                let text = try value()
                guard let number = Int(text) else {
                    throw FlagError("invalid value \"\(text)\" for flag -\(name): parse error")
                }
                set(&result, number)
            case .text(let set): set(&result, try value())
            case .refused: throw FlagError("-\(name) is not supported yet: \(flag.help)")
            }
        }
        return Array(rest)
    }

    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }
}
