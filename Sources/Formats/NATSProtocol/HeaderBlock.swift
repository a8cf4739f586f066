import Bytes

/// A view of a message's header block:
///
///     NATS/1.0[ <status>[ <description>]]CRLF
///     <name>: <value>CRLF …
///     CRLF
///
/// The server routes blocks without looking inside; who looks must expect anything. Names are
/// compared with their case.
public struct HeaderBlock: ~Escapable {
    private let bytes: RawSpan

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    static let versionByteCount = 8

    /// Whether it begins with `NATS/1.0`.
    public var isWellBegun: Bool {
        guard bytes.byteCount >= Self.versionByteCount else { return false }
        return matches("NATS/1.0", at: 0)
    }

    /// The three digits behind the version, if there are any.
    public var status: Int? {
        var index = Self.versionByteCount
        guard isWellBegun, index < bytes.byteCount, bytes[byteAt: index] == 0x20 else { return nil }
        while index < bytes.byteCount, bytes[byteAt: index] == 0x20 { index += 1 }
        var value = 0
        let start = index
        while index < bytes.byteCount, index - start < 3 {
            let digit = bytes[byteAt: index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value * 10 + Int(digit)
            index += 1
        }
        return index - start == 3 ? value : nil
    }

    /// The value of the first header of exactly that name, without the spaces around it.
    @_lifetime(copy self)
    public func value(_ name: String) -> RawSpan? {
        var lines = self.lines
        while let line = lines.next() {
            if line.name.count == name.utf8.count, matches(name, at: line.name.start) {
                return bytes.extracting(line.value.start..<line.value.end)
            }
        }
        return nil
    }

    /// The same as text; nil if there is none, or none in UTF-8.
    public func text(_ name: String) -> String? {
        guard let value = value(name) else { return nil }
        return String(validatingUTF8: value)
    }

    public var lines: Lines {
        @_lifetime(copy self)
        get { Lines(bytes) }
    }

    private func matches(_ text: String, at start: Int) -> Bool {
        var index = start
        for byte in text.utf8 {
            guard index < bytes.byteCount, bytes[byteAt: index] == byte else { return false }
            index += 1
        }
        return true
    }

    /// The `name: value` lines in order, as ranges of the block. Lines without a colon are passed
    /// over.
    public struct Lines: ~Escapable {
        private let bytes: RawSpan
        private var position = 0

        @_lifetime(copy bytes)
        init(_ bytes: RawSpan) {
            self.bytes = bytes
            skipLine()
        }

        @discardableResult
        private mutating func skipLine() -> ByteRange {
            let start = position
            while position < bytes.byteCount, bytes[byteAt: position] != 0x0A { position += 1 }
            var end = position
            if position < bytes.byteCount { position += 1 }
            if end > start, bytes[byteAt: end - 1] == 0x0D { end -= 1 }
            return ByteRange(start, end)
        }

        public mutating func next() -> (name: ByteRange, value: ByteRange)? {
            while position < bytes.byteCount {
                let line = skipLine()
                if line.isEmpty { return nil }
                var colon = line.start
                while colon < line.end, bytes[byteAt: colon] != UInt8(ascii: ":") { colon += 1 }
                if colon == line.end || colon == line.start { continue }
                var value = ByteRange(colon + 1, line.end)
                while value.start < value.end, isSpace(bytes[byteAt: value.start]) {
                    value.start += 1
                }
                while value.end > value.start, isSpace(bytes[byteAt: value.end - 1]) {
                    value.end -= 1
                }
                return (ByteRange(line.start, colon), value)
            }
            return nil
        }

        private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    }
}
