import Bytes

/// A raw NATS header block, borrowed: `NATS/1.0[ status[ text]]` CR LF, lines of `Name: value` CR
/// LF, CR LF.
///
/// The server passes any block through, so nothing here assumes that it is well formed.
/// Source: NATS client protocol, HPUB; ADR-4.
public struct NATSHeaderBlock: ~Escapable {
    public static let version: StaticString = "NATS/1.0\r\n"

    public let bytes: RawSpan

    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) { self.bytes = bytes }

    /// The value of the first header called exactly `name`, without the spaces in front of it; nil
    /// where there is none. Allocates nothing.
    @_lifetime(copy self)
    public func value(of name: StaticString) -> RawSpan? {
        var lines = makeCursor()
        while let line = lines.next() {
            if line.name.hasSameBytes(as: name) { return line.value }
        }
        return nil
    }

    @_lifetime(copy self)
    public func makeCursor() -> NATSHeaderCursor { NATSHeaderCursor(self) }

    /// Appends a line to a block that is being written.
    public static func appendLine(
        _ name: StaticString, _ value: RawSpan, to output: inout GrowingBytes
    ) {
        output.append(name)
        output.append(": ")
        output.append(value)
        output.append("\r\n")
    }
}

/// One line of a header block: the name up to the colon, the value behind it without leading
/// spaces.
public struct NATSHeaderLine: ~Escapable {
    public let name: RawSpan
    public let value: RawSpan

    @_lifetime(copy name, copy value)
    init(name: RawSpan, value: RawSpan) {
        self.name = name
        self.value = value
    }
}

/// Walks the lines of a block behind its first, skipping those without a colon.
public struct NATSHeaderCursor: ~Escapable {
    private let bytes: RawSpan
    private var position: Int

    @_lifetime(copy block)
    init(_ block: NATSHeaderBlock) {
        bytes = block.bytes
        position =
            block.bytes.firstPosition(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? bytes.byteCount
    }

    @_lifetime(copy self)
    public mutating func next() -> NATSHeaderLine? {
        while position < bytes.byteCount {
            let start = position
            let lineFeed = bytes.firstPosition(of: UInt8(ascii: "\n"), from: start)
            var end = lineFeed ?? bytes.byteCount
            position = lineFeed.map { $0 + 1 } ?? bytes.byteCount
            if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            let line = bytes.extracting(start..<end)
            guard let colon = line.firstPosition(of: UInt8(ascii: ":")) else { continue }
            var valueStart = colon + 1
            while valueStart < line.byteCount, line[valueStart] == UInt8(ascii: " ") {
                valueStart += 1
            }
            return NATSHeaderLine(name: line.extracting(0..<colon), value: line.from(valueStart))
        }
        return nil
    }
}
