/// Reads one file. See ``ConfigTree`` for the grammar.
struct ConfigParser {
    var cursor: ConfigCursor
    let surroundings: ConfigSurroundings
    let budget: ConfigBudget
    /// The files that led here, outermost first; this one is the last.
    let path: [String]
    /// How many variables of the environment led here.
    let environmentDepth: Int
    /// The maps that are being read, outermost first: where variables are looked for.
    var scopes: [ConfigMap] = []
    /// Maps and arrays around the cursor.
    var depth = 0

    init(
        _ bytes: [UInt8], file: String, _ surroundings: ConfigSurroundings, _ budget: ConfigBudget,
        includedBy path: [String] = [], environmentDepth: Int = 0
    ) throws(ConfigError) {
        try budget.take(bytes: bytes.count, at: nil)
        cursor = ConfigCursor(bytes, file: file)
        self.surroundings = surroundings
        self.budget = budget
        self.path = path + [file]
        self.environmentDepth = environmentDepth
    }

    func failure(_ message: String) -> ConfigError { ConfigError(message, at: cursor.position) }

    /// What stands at the cursor, for messages.
    var found: String {
        guard let byte = cursor.byte else { return "the end of the file" }
        if byte.isLineEnd { return "the end of the line" }
        if byte < 0x20 { return "byte \(byte)" }
        return "'\(byte < 0x80 ? String(UnicodeScalar(byte)) : "…")'"
    }

    // MARK: Maps

    /// The whole file: a map that may do without braces.
    mutating func parseFile() throws(ConfigError) -> ConfigMap {
        scopes.append(ConfigMap())
        var isInBraces = false
        while true {
            cursor.skipFiller()
            guard let byte = cursor.byte else {
                // A file that was cut off must not pass for the whole.
                if isInBraces { throw failure("the end of the file in a map: '}' is missing") }
                return scopes.removeLast()
            }
            switch byte {
            case UInt8(ascii: "{"):
                if isInBraces { throw failure("expected a key, but got '{'") }
                isInBraces = true
                cursor.advance()
            case UInt8(ascii: "}"):
                isInBraces = false
                cursor.advance()
                cursor.skipFiller()
                if cursor.byte != nil { throw failure("expected the end of the file after '}', but got \(found)") }
            default:
                try parseEntry()
                try endValue(before: UInt8(ascii: "}"))
            }
        }
    }

    /// Behind a `{`, up to and with its `}`.
    mutating func parseMap() throws(ConfigError) -> ConfigMap {
        scopes.append(ConfigMap())
        while true {
            cursor.skipFiller()
            switch cursor.byte {
            case nil: throw failure("the end of the file in a map: '}' is missing")
            case UInt8(ascii: "}"):
                cursor.advance()
                return scopes.removeLast()
            case UInt8(ascii: "]"): throw failure("unexpected ']' in a map")
            default: break
            }
            try parseEntry()
            try endValue(before: UInt8(ascii: "}"))
        }
    }

    /// Between values: a terminator, a new line, or both; or else the bracket that ends them all.
    private mutating func endValue(before closing: UInt8) throws(ConfigError) {
        let line = cursor.position.line
        cursor.skipFiller()
        guard let byte = cursor.byte, byte != closing else { return }
        let isTerminator = byte == UInt8(ascii: ",") || (byte == UInt8(ascii: ";") && closing == UInt8(ascii: "}"))
        if isTerminator {
            cursor.advance()
        } else if cursor.position.line == line {
            throw failure("expected a value to end with ',' or a new line, but got \(found)")
        }
    }

    private mutating func parseEntry() throws(ConfigError) {
        let (key, position, isQuoted) = try parseKey()
        if !isQuoted && key.lowercased() == "include" && cursor.byte?.isSpace == true {
            cursor.skipBlanks()
            if cursor.byte?.isKeySeparator != true { return try parseInclude(at: position) }
        }
        cursor.skip(while: \.isSpace)
        if let byte = cursor.byte, byte.isKeySeparator {
            cursor.advance()
            if scopes.count > 1 { cursor.skip(while: \.isSpace) } else { cursor.skipBlanks() }
        }
        guard let byte = cursor.byte else { throw ConfigError("no value for \"\(key)\"", at: position) }
        if byte.isLineEnd || byte.isTerminator || byte == UInt8(ascii: "}") {
            throw failure("expected a value for \"\(key)\", but got \(found)")
        }
        let node = try parseValue()
        scopes[scopes.count - 1].set(
            ConfigMap.Entry(key: key, node: ConfigNode(node.value, at: position)))
    }

    private mutating func parseKey() throws(ConfigError) -> (String, SourcePosition, isQuoted: Bool) {
        let first = cursor.byte!
        if first.isKeySeparator { throw failure("expected a key, but got \(found)") }
        if first == UInt8(ascii: "\"") || first == UInt8(ascii: "'") {
            let opening = cursor.position
            cursor.advance()
            let (start, position) = (cursor.index, cursor.position)
            cursor.skip { $0 != first }
            if cursor.byte == nil { throw ConfigError("a quoted key without an end", at: opening) }
            let key = cursor.text(from: start)
            cursor.advance()
            return (key, position, true)
        }
        let (start, position) = (cursor.index, cursor.position)
        cursor.advance()
        cursor.skip { !$0.isSpace && !$0.isKeySeparator }
        return (cursor.text(from: start), position, false)
    }

    // MARK: Arrays

    /// Behind a `[`, up to and with its `]`.
    mutating func parseArray() throws(ConfigError) -> [ConfigNode] {
        var nodes: [ConfigNode] = []
        while true {
            cursor.skipFiller()
            switch cursor.byte {
            case nil: throw failure("the end of the file in an array: ']' is missing")
            case UInt8(ascii: "]"):
                cursor.advance()
                return nodes
            case UInt8(ascii: ","): throw failure("expected a value in an array, but got ','")
            default: break
            }
            nodes.append(try parseValue())
            try endValue(before: UInt8(ascii: "]"))
        }
    }
}
