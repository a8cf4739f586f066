import Bytes

/// Why bytes are not JSON.
public enum JSONError: Error, Equatable, Sendable {
    /// The text ended inside a value.
    case unexpectedEnd
    /// A byte that cannot stand at this position.
    case unexpectedByte(UInt8, at: Int)
    /// Arrays and objects are nested deeper than ``JSONValue/depthLimit``.
    case tooDeep(at: Int)
    /// A string is not UTF-8, or has a broken escape or a raw control character.
    case badString(at: Int)
    /// A number is not of RFC 8259's form.
    case badNumber(at: Int)
    /// More text follows the value.
    case trailingBytes(at: Int)
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unexpectedEnd:
            "unexpected end of JSON input"
        case .unexpectedByte(let byte, let position):
            "invalid character '\(Character(Unicode.Scalar(byte)))' at offset \(position)"
        case .tooDeep(let position):
            "exceeded max depth at offset \(position)"
        case .badString(let position):
            "invalid string literal at offset \(position)"
        case .badNumber(let position):
            "invalid number literal at offset \(position)"
        case .trailingBytes(let position):
            "invalid character after top-level value at offset \(position)"
        }
    }
}

extension JSONValue {
    /// How deep arrays and objects may be nested, so that hostile text cannot exhaust the stack.
    public static let depthLimit = 128

    /// The one value that `bytes` hold, white space around it allowed.
    public static func parse(_ bytes: RawSpan) throws(JSONError) -> JSONValue {
        var parser = JSONParser(bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.byteCount else { throw .trailingBytes(at: parser.position) }
        return value
    }

    public static func parse(_ text: String) throws(JSONError) -> JSONValue {
        let bytes = Array(text.utf8)
        return try parse(bytes.span.bytes)
    }
}

struct JSONParser: ~Escapable {
    private let text: RawSpan
    private(set) var position = 0

    @_lifetime(copy text)
    init(_ text: RawSpan) {
        self.text = text
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.depthLimit else { throw .tooDeep(at: position) }
        skipSpace()
        switch try peek() {
        case UInt8(ascii: "{"): return .object(try object(depth: depth))
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case let byte: throw .unexpectedByte(byte, at: position)
        }
    }

    mutating func skipSpace() {
        while position < text.byteCount {
            switch byte(position) {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private func byte(_ index: Int) -> UInt8 {
        // Every caller has checked `index` against the count; a byte is any bit pattern.
        unsafe text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard position < text.byteCount else { throw .unexpectedEnd }
        return byte(position)
    }

    private mutating func expect(_ expected: UInt8) throws(JSONError) {
        let found = try peek()
        guard found == expected else { throw .unexpectedByte(found, at: position) }
        position += 1
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for expected in word.description.utf8 { try expect(expected) }
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> [JSONMember] {
        var members: [JSONMember] = []
        try expect(UInt8(ascii: "{"))
        skipSpace()
        if try peek() == UInt8(ascii: "}") {
            position += 1
            return members
        }
        while true {
            skipSpace()
            let name = try string()
            skipSpace()
            try expect(UInt8(ascii: ":"))
            members.append(JSONMember(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            let byte = try peek()
            position += 1
            if byte == UInt8(ascii: "}") { return members }
            guard byte == UInt8(ascii: ",") else { throw .unexpectedByte(byte, at: position - 1) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        try expect(UInt8(ascii: "["))
        skipSpace()
        if try peek() == UInt8(ascii: "]") {
            position += 1
            return elements
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            let byte = try peek()
            position += 1
            if byte == UInt8(ascii: "]") { return elements }
            guard byte == UInt8(ascii: ",") else { throw .unexpectedByte(byte, at: position - 1) }
        }
    }

    /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
    private mutating func number() throws(JSONError) -> String {
        let start = position
        if byte(position) == UInt8(ascii: "-") { position += 1 }
        if position < text.byteCount, byte(position) == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits(from: start)
        }
        if position < text.byteCount, byte(position) == UInt8(ascii: ".") {
            position += 1
            try digits(from: start)
        }
        if position < text.byteCount, byte(position) | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < text.byteCount,
                byte(position) == UInt8(ascii: "+") || byte(position) == UInt8(ascii: "-")
            {
                position += 1
            }
            try digits(from: start)
        }
        return String(repairingUTF8: text.extracting(start..<position))
    }

    private mutating func digits(from start: Int) throws(JSONError) {
        let first = position
        while position < text.byteCount, byte(position) >= 0x30, byte(position) <= 0x39 {
            position += 1
        }
        guard position > first else { throw .badNumber(at: start) }
    }

    private mutating func string() throws(JSONError) -> String {
        let start = position
        try expect(UInt8(ascii: "\""))
        var run = position
        var result = ""
        while true {
            guard position < text.byteCount else { throw .unexpectedEnd }
            switch byte(position) {
            case UInt8(ascii: "\""):
                result += try text(run..<position, ofStringAt: start)
                position += 1
                return result
            case UInt8(ascii: "\\"):
                result += try text(run..<position, ofStringAt: start)
                position += 1
                result.unicodeScalars.append(try escape(ofStringAt: start))
                run = position
            case 0..<0x20:
                throw .badString(at: start)
            default:
                position += 1
            }
        }
    }

    private func text(_ range: Range<Int>, ofStringAt start: Int) throws(JSONError) -> String {
        guard let piece = String(validatingUTF8: text.extracting(range)) else {
            throw .badString(at: start)
        }
        return piece
    }

    private mutating func escape(ofStringAt start: Int) throws(JSONError) -> Unicode.Scalar {
        let letter = try peek()
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape(ofStringAt: start)
        default: throw .badString(at: start)
        }
    }

    /// Lone surrogates become U+FFFD, as Go's decoder has it.
    private mutating func unicodeEscape(ofStringAt start: Int) throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimal(ofStringAt: start)
        guard first & 0xF800 == 0xD800 else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        guard first < 0xDC00, position + 1 < text.byteCount, byte(position) == UInt8(ascii: "\\"),
            byte(position + 1) == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let beforeSecond = position
        position += 2
        let second = try hexadecimal(ofStringAt: start)
        guard second & 0xFC00 == 0xDC00 else {
            position = beforeSecond
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + second & 0x3FF) ?? "\u{FFFD}"
    }

    private mutating func hexadecimal(ofStringAt start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let digit = try peek()
            position += 1
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt32(digit - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(digit - 0x37)
            case 0x61...0x66: value = value << 4 | UInt32(digit - 0x57)
            default: throw .badString(at: start)
            }
        }
        return value
    }
}
