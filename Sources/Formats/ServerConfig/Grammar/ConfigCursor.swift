/// A place in the text of a file that knows its line and column.
struct ConfigCursor {
    let bytes: [UInt8]
    let file: String
    private(set) var index = 0
    private var line = 1
    /// Where columns of this line are counted from: the line's beginning, or the line end before it.
    private var lineStart = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    var position: SourcePosition { SourcePosition(file: file, line: line, column: index - lineStart) }
    /// Nil at the end.
    var byte: UInt8? { index < bytes.count ? bytes[index] : nil }
    var following: UInt8? { index + 1 < bytes.count ? bytes[index + 1] : nil }
    var preceding: UInt8? { index > 0 ? bytes[index - 1] : nil }

    mutating func advance() {
        if bytes[index] == .newline {
            line += 1
            lineStart = index
        }
        index += 1
    }

    mutating func skip(while matches: (UInt8) -> Bool) {
        while let byte, matches(byte) { advance() }
    }

    /// Where a comment begins here, goes to the end of its line.
    ///
    /// - Returns: whether there was one.
    mutating func skipComment() -> Bool {
        guard byte == UInt8(ascii: "#") || (byte == UInt8(ascii: "/") && following == UInt8(ascii: "/")) else {
            return false
        }
        skip { !$0.isLineEnd }
        return true
    }

    /// White space, line ends and comments.
    mutating func skipFiller() {
        repeat { skip(while: \.isSpace) } while skipComment()
    }

    /// Blanks and tabs.
    mutating func skipBlanks() { skip(while: \.isBlank) }

    func text(from start: Int) -> String { String(decoding: bytes[start..<index], as: UTF8.self) }
}

extension UInt8 {
    static let newline = UInt8(ascii: "\n")

    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
    var isLineEnd: Bool { self == .newline || self == UInt8(ascii: "\r") }
    /// Also vertical tab and form feed.
    var isSpace: Bool { self == UInt8(ascii: " ") || (9...13).contains(self) }
    var isKeySeparator: Bool { self == UInt8(ascii: "=") || self == UInt8(ascii: ":") }
    /// Ends an entry, apart from line ends.
    var isTerminator: Bool { self == UInt8(ascii: ",") || self == UInt8(ascii: ";") }
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
