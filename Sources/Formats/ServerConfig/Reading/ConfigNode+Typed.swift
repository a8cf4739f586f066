/// Values as the types that options have. All throw where the file says something else.
extension ConfigNode {
    func failure(_ message: String) -> ConfigError { ConfigError(message, at: position) }

    private func mismatch(_ expected: String) -> ConfigError {
        let found =
            switch value {
            case .string: "a string"
            case .integer: "an integer"
            case .float: "a float"
            case .boolean: "a boolean"
            case .date: "a date"
            case .array: "an array"
            case .map: "a map"
            }
        return failure("expected \(expected), but got \(found)")
    }

    func string() throws(ConfigError) -> String {
        guard case .string(let text) = value else { throw mismatch("a string") }
        return text
    }

    func nonEmptyString() throws(ConfigError) -> String {
        let text = try string()
        if text.isEmpty { throw failure("expected a string that is not empty") }
        return text
    }

    /// Nil where the file has the empty string.
    func optionalString() throws(ConfigError) -> String? {
        let text = try string()
        return text.isEmpty ? nil : text
    }

    func boolean() throws(ConfigError) -> Bool {
        guard case .boolean(let flag) = value else { throw mismatch("a boolean") }
        return flag
    }

    func integer(_ range: ClosedRange<Int64> = .min ... .max) throws(ConfigError) -> Int64 {
        guard case .integer(let number) = value else { throw mismatch("an integer") }
        guard range.contains(number) else {
            throw failure(
                number < range.lowerBound
                    ? "\(number) is too small, the least is \(range.lowerBound)"
                    : "\(number) is too large, the most is \(range.upperBound)")
        }
        return number
    }

    func int(_ range: ClosedRange<Int64> = 0...Int64(Int32.max)) throws(ConfigError) -> Int {
        Int(try integer(range))
    }

    func map() throws(ConfigError) -> ConfigMap {
        guard case .map(let map) = value else { throw mismatch("a map") }
        return map
    }

    func array() throws(ConfigError) -> [ConfigNode] {
        guard case .array(let nodes) = value else { throw mismatch("an array") }
        return nodes
    }

    /// An array of strings, or one string.
    func strings() throws(ConfigError) -> [String] {
        if case .string(let text) = value { return [text] }
        guard case .array(let nodes) = value else { throw mismatch("a string or an array of strings") }
        var texts: [String] = []
        for node in nodes { texts.append(try node.string()) }
        return texts
    }

    /// An array, or one value that stands for itself.
    func list() -> [ConfigNode] {
        if case .array(let nodes) = value { return nodes }
        return [self]
    }

    // MARK: Ports and addresses

    /// 0 up to 65535, or -1 for a free one.
    func port() throws(ConfigError) -> Int { try int(-1...65535) }

    /// A port, or `host:port`. The host is empty where only a port is given.
    func address() throws(ConfigError) -> (host: String?, port: Int) {
        if case .integer = value { return (nil, try port()) }
        guard case .string(let text) = value else { throw mismatch("a port or host:port") }
        guard let address = HostAndPort(text) else { throw failure("could not parse address string \"\(text)\"") }
        return (address.host, address.port)
    }

    // MARK: Times and sizes

    /// A duration as Go writes it: `1m30s`.
    func durationNanoseconds(_ key: String) throws(ConfigError) -> Int64 {
        guard case .string(let text) = value else { throw mismatch("a duration such as 2m or 500ms") }
        guard let nanoseconds = GoDuration.nanoseconds(of: text) else {
            throw failure("error parsing \(key): \"\(text)\" is no duration such as 2m or 500ms")
        }
        return nanoseconds
    }

    func durationNanoseconds(_ key: String, atLeast least: Int64) throws(ConfigError) -> Int64 {
        let nanoseconds = try durationNanoseconds(key)
        guard nanoseconds >= least else {
            throw failure("\(key) is too short, the least is \(least / 1_000_000_000)s")
        }
        return nanoseconds
    }

    /// Seconds, also with a fraction, or a duration.
    func timeoutNanoseconds(_ key: String) throws(ConfigError) -> Int64 {
        switch value {
        case .integer(let seconds): try nanoseconds(ofSeconds: Double(seconds))
        case .float(let seconds): try nanoseconds(ofSeconds: seconds)
        default: try durationNanoseconds(key)
        }
    }

    func nanoseconds(ofSeconds seconds: Double) throws(ConfigError) -> Int64 {
        guard abs(seconds) < 9e9 else { throw failure("a time of \(seconds) s is out of the range") }
        return Int64(seconds * 1e9)
    }

    /// Bytes: an integer, or the older form of a string with K, M, G or T, which count by 1024.
    func byteCount() throws(ConfigError) -> Int64 {
        guard case .string(let text) = value else { return try integer(-1...Int64.max) }
        let bytes = Array(text.utf8)
        let digits = bytes.prefix(while: \.isDigit)
        let suffix = String(decoding: bytes[digits.count...], as: UTF8.self).uppercased()
        guard let number = Int64(String(decoding: digits, as: UTF8.self)),
            let power = ["K": 1, "M": 2, "G": 3, "T": 4, "KB": 1, "MB": 2, "GB": 3, "TB": 4][suffix]
        else { throw failure("a size such as 100M or 1G was expected, but got \"\(text)\"") }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * Int64(power)))
        if overflow { throw failure("size \"\(text)\" is out of the range") }
        return product
    }
}

/// `127.0.0.1:4222`, `[::1]:4222`, `:4222`, `localhost:-1`.
public struct HostAndPort: Sendable, Equatable {
    /// Without brackets; empty where nothing stands before the colon.
    public var host: String
    public var port: Int

    /// Nil if it is no such thing.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (-1...65535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("[") && host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.host = String(host)
        self.port = port
    }
}

/// Durations as Go writes them: numbers with units, `1h30m`, `1.5s`, `-100ms`.
public enum GoDuration {
    private static let units: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]

    /// Nil if it is none, or too long for 64 bits.
    public static func nanoseconds(of text: String) -> Int64? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest = rest.dropFirst() }
        if rest == "0" { return 0 }
        if rest.isEmpty { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
            rest = rest.dropFirst(unit.count)
            guard let factor = units[String(unit)],
                let value = Double(number.hasPrefix(".") ? "0" + number : number.hasSuffix(".") ? number + "0" : number)
            else { return nil }
            total += (value * factor).rounded(.down)
        }
        guard total < 9.2e18 else { return nil }
        return isNegative ? -Int64(total) : Int64(total)
    }
}
