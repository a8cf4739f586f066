extension ConfigParser {
    /// One value, of any kind.
    mutating func parseValue() throws(ConfigError) -> ConfigNode {
        let position = cursor.position
        let value: ConfigValue
        switch cursor.byte {
        case UInt8(ascii: "["):
            try enter()
            value = .array(try parseArray())
            depth -= 1
        case UInt8(ascii: "{"):
            try enter()
            value = .map(try parseMap())
            depth -= 1
        case UInt8(ascii: "'"): value = .string(try parseRawString())
        case UInt8(ascii: "\""): value = .string(try parseEscapedString())
        case UInt8(ascii: "("): value = .string(try parseBlock())
        default: return try parseBareWord()
        }
        try budget.take(values: 1, at: position)
        return ConfigNode(value, at: position)
    }

    /// Past the bracket of a map or an array.
    private mutating func enter() throws(ConfigError) {
        depth += 1
        if depth > budget.bounds.nestingDepth {
            throw failure("more than \(budget.bounds.nestingDepth) levels of maps and arrays")
        }
        cursor.advance()
    }

    private mutating func parseRawString() throws(ConfigError) -> String {
        let opening = cursor.position
        cursor.advance()
        let start = cursor.index
        cursor.skip { $0 != UInt8(ascii: "'") }
        if cursor.byte == nil { throw ConfigError("a string without an end: ' is missing", at: opening) }
        defer { cursor.advance() }
        return cursor.text(from: start)
    }

    private mutating func parseEscapedString() throws(ConfigError) -> String {
        let opening = cursor.position
        cursor.advance()
        var text: [UInt8] = []
        while let byte = cursor.byte {
            switch byte {
            case UInt8(ascii: "\""):
                cursor.advance()
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(try parseEscape())
            default:
                text.append(byte)
                cursor.advance()
            }
        }
        throw ConfigError("a string without an end: \" is missing", at: opening)
    }

    /// From the backslash on.
    private mutating func parseEscape() throws(ConfigError) -> UInt8 {
        let position = cursor.position
        cursor.advance()
        let code = cursor.byte
        if code != nil { cursor.advance() }
        switch code {
        case UInt8(ascii: "t"): return UInt8(ascii: "\t")
        case UInt8(ascii: "n"): return UInt8(ascii: "\n")
        case UInt8(ascii: "r"): return UInt8(ascii: "\r")
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): return code!
        case UInt8(ascii: "x"):
            let start = cursor.index
            for _ in 0..<2 where cursor.byte != nil { cursor.advance() }
            if cursor.index == start + 2, let value = UInt8(cursor.text(from: start), radix: 16),
                cursor.bytes[start] != UInt8(ascii: "+")
            {
                return value
            }
            throw ConfigError("expected two hexadecimal digits after \\x", at: position)
        default:
            throw ConfigError("a backslash needs one of xXX, t, n, r, \" and \\ behind it", at: position)
        }
    }

    /// From the opening parenthesis to one that is alone in its line.
    private mutating func parseBlock() throws(ConfigError) -> String {
        let opening = cursor.position
        cursor.advance()
        let start = cursor.index
        while let byte = cursor.byte {
            if byte == UInt8(ascii: ")") && cursor.preceding == .newline
                && cursor.following.map(\.isLineEnd) != false
            {
                defer { cursor.advance() }
                return cursor.text(from: start)
            }
            cursor.advance()
        }
        throw ConfigError("a block without an end: ) alone in a line is missing", at: opening)
    }

    // MARK: Bare words

    /// A word without quotes: a boolean, a number, a date, a variable, else a string.
    private mutating func parseBareWord() throws(ConfigError) -> ConfigNode {
        let position = cursor.position
        var word: [UInt8] = []
        var hasEscapes = false
        while let byte = cursor.byte, !byte.endsBareWord {
            if byte == 0 { throw failure("a zero byte") }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                word.append(try parseEscape())
            } else {
                word.append(byte)
                cursor.advance()
            }
        }
        if word.isEmpty { throw failure("expected a value, but got \(found)") }
        let text = String(decoding: word, as: UTF8.self)
        try budget.take(values: 1, at: position)
        if hasEscapes { return ConfigNode(.string(text), at: position) }
        if word[0] == UInt8(ascii: "$") && !text.hasPrefix("$2a$") {
            let value = try lookUp(String(text.dropFirst()), at: position)
            return ConfigNode(value, at: position)
        }
        return ConfigNode(try Self.meaning(of: text, at: position), at: position)
    }

    static func meaning(of word: String, at position: SourcePosition) throws(ConfigError) -> ConfigValue {
        switch word.lowercased() {
        case "true", "yes", "on": return .boolean(true)
        case "false", "no", "off": return .boolean(false)
        default: break
        }
        let bytes = Array(word.utf8)
        let digits = bytes.drop { $0 == UInt8(ascii: "-") }
        guard bytes.count - digits.count <= 1, digits.first?.isDigit == true else { return .string(word) }
        if let multiplier = NumberSuffix.multiplier(of: digits.drop(while: \.isDigit)) {
            let number = bytes.prefix { $0 == UInt8(ascii: "-") || $0.isDigit }
            let (product, overflow) =
                Int64(String(decoding: number, as: UTF8.self))?.multipliedReportingOverflow(by: multiplier)
                ?? (0, true)
            if overflow { throw ConfigError("integer '\(word)' is out of the range", at: position) }
            return .integer(product)
        }
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isDigit) }),
            let number = Double(word), number.isFinite
        {
            return .float(number)
        }
        return ConfigDate.isDate(word) ? .date(word) : .string(word)
    }
}

extension UInt8 {
    fileprivate var endsBareWord: Bool {
        switch self {
        case UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "'"): true
        default: isBlank || isLineEnd
        }
    }
}

/// What may stand behind an integer.
enum NumberSuffix {
    /// - Parameter suffix: in any case; empty for 1.
    /// - Returns: nil if it is none.
    static func multiplier(of suffix: some Collection<UInt8>) -> Int64? {
        if suffix.isEmpty { return 1 }
        let text = String(decoding: suffix, as: UTF8.self).lowercased()
        guard text.utf8.count <= 3,
            let power = Array("kmgtpe").firstIndex(of: text.first!).map({ $0 + 1 })
        else { return nil }
        switch text.dropFirst() {
        case "": return (0..<power).reduce(1) { product, _ in product * 1000 }
        case "b", "i", "ib": return 1 << (10 * Int64(power))
        default: return nil
        }
    }
}

/// `2016-05-04T18:53:41Z`
enum ConfigDate {
    static func isDate(_ word: String) -> Bool {
        let bytes = Array(word.utf8)
        let form = Array("0000-00-00T00:00:00Z".utf8)
        guard bytes.count == form.count,
            zip(bytes, form).allSatisfy({ $1 == UInt8(ascii: "0") ? $0.isDigit : $0 == $1 })
        else { return false }
        func number(_ range: Range<Int>) -> Int { Int(String(decoding: bytes[range], as: UTF8.self))! }
        let (year, month) = (number(0..<4), number(5..<7))
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...12).contains(month) && (1...days[month - 1]).contains(number(8..<10))
            && number(11..<13) < 24 && number(14..<16) < 60 && number(17..<19) < 60
    }
}
