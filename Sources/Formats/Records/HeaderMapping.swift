import Bytes

/// How one header looks in a NATS block and in a record; the same rules both ways.
///
///     record header                              NATS line
///     name, value of UTF-8 without CR and LF     name: value
///     name, any other value                      name;base64: <the value in base64>
///     name, no value                             name;base64: <nothing>
///     a name that NATS can't carry               <the name in base64>;name64 as name
///
/// A name that NATS can carry is of the characters 0x21 to 0x7E without the colon, is not empty,
/// and does not end with `;base64` or `;name64`. So each record header has exactly one line, and
/// each line that looks like one of these stands for exactly one record header.
enum HeaderMapping {
    /// Holds the subject of a record that prefix and key don't give.
    static let subjectName: StaticString = "Nats-Subject"
    /// Holds a whole NATS header block, where its lines don't stand for record headers.
    static let rawBlockName: StaticString = "Nats-Raw-Headers"
    /// Says, as last header and with the value `tight`, that the lines had no space behind the
    /// colon.
    static let styleName: StaticString = "Nats-Header-Style"
    static let tightStyle: StaticString = "tight"
    /// Shows NATS a key that is no legal subject.
    static let keyName: StaticString = "Kafka-Key"
    static let operationName: StaticString = "KV-Operation"

    static let base64Suffix: StaticString = ";base64"
    static let name64Suffix: StaticString = ";name64"

    // MARK: - What NATS can carry

    static func isCleanValue(_ value: RawSpan) -> Bool {
        guard value.firstPosition(of: UInt8(ascii: "\r")) == nil,
            value.firstPosition(of: UInt8(ascii: "\n")) == nil
        else { return false }
        return value.isUTF8
    }

    static func isCleanName(_ name: RawSpan) -> Bool {
        guard name.byteCount > 0 else { return false }
        for position in 0..<name.byteCount {
            let byte = name[position]
            if byte < 0x21 || byte > 0x7E || byte == UInt8(ascii: ":") { return false }
        }
        return stem(of: name, without: base64Suffix) == nil
            && stem(of: name, without: name64Suffix) == nil
    }

    /// `name` without `suffix`; nil where it does not end so.
    @_lifetime(copy name)
    static func stem(of name: RawSpan, without suffix: StaticString) -> RawSpan? {
        let byteCount = name.byteCount - suffix.utf8CodeUnitCount
        guard byteCount >= 0, name.from(byteCount).hasSameBytes(as: suffix) else { return nil }
        return name.extracting(0..<byteCount)
    }

    // MARK: - To NATS

    /// Appends the line of a record header.
    static func writeLine(
        name: RawSpan, value: RawSpan?, isTight: Bool, to output: inout GrowingBytes
    ) {
        if isCleanName(name) {
            output.append(name)
        } else {
            Base64.encode(name, into: &output)
            output.append(name64Suffix)
        }
        writeValue(value, isTight: isTight, to: &output)
    }

    static func writeLine(
        name: StaticString, value: RawSpan, isTight: Bool, to output: inout GrowingBytes
    ) {
        output.append(name)
        writeValue(value, isTight: isTight, to: &output)
    }

    private static func writeValue(_ value: RawSpan?, isTight: Bool, to output: inout GrowingBytes)
    {
        let separator: StaticString = isTight ? ":" : ": "
        if let value {
            if isCleanValue(value) {
                output.append(separator)
                output.append(value)
            } else {
                output.append(base64Suffix)
                output.append(separator)
                Base64.encode(value, into: &output)
            }
        } else {
            output.append(base64Suffix)
            output.append(separator)
        }
        output.append("\r\n")
    }

    // MARK: - To a record

    /// One line of a well-formed block: nothing is decoded yet.
    struct Line: ~Escapable {
        /// As written, or as base64 where `isName64`.
        let name: RawSpan
        let isName64: Bool
        /// As written, or as base64 where `isBase64`; nil for none.
        let value: RawSpan?
        let isBase64: Bool

        /// Takes the line's characters before and behind the separator.
        @_lifetime(copy name, copy value)
        init(name: RawSpan, value: RawSpan) {
            var rest = name
            if let stem = HeaderMapping.stem(of: name, without: base64Suffix) {
                rest = stem
                isBase64 = true
                self.value = value.byteCount == 0 ? nil : value
            } else {
                isBase64 = false
                self.value = value
            }
            if let stem = HeaderMapping.stem(of: rest, without: name64Suffix) {
                self.name = stem
                isName64 = true
            } else {
                self.name = rest
                isName64 = false
            }
        }

        /// How many bytes the record header takes; nil where writing it back would not give this
        /// line.
        var encodedByteCount: Int? {
            guard let nameByteCount, let valueByteCount else { return nil }
            return nameByteCount + valueByteCount
        }

        private var nameByteCount: Int? {
            guard isName64 else {
                guard HeaderMapping.isCleanName(name) else { return nil }
                return RecordBatchBuilder.nullableByteCount(name.byteCount)
            }
            var decoded = GrowingBytes()
            guard Base64.decode(name, into: &decoded), decoded.span.isUTF8,
                !HeaderMapping.isCleanName(decoded.span)
            else { return nil }
            return RecordBatchBuilder.nullableByteCount(decoded.count)
        }

        private var valueByteCount: Int? {
            guard let value else { return RecordBatchBuilder.nullableByteCount(nil) }
            guard isBase64 else {
                guard HeaderMapping.isCleanValue(value) else { return nil }
                return RecordBatchBuilder.nullableByteCount(value.byteCount)
            }
            var decoded = GrowingBytes()
            guard Base64.decode(value, into: &decoded), !HeaderMapping.isCleanValue(decoded.span)
            else {
                return nil
            }
            return RecordBatchBuilder.nullableByteCount(decoded.count)
        }

        /// Appends the record header. Call only where ``encodedByteCount`` is not nil.
        func encode(into output: inout GrowingBytes) {
            Self.encode(name, isBase64: isName64, into: &output)
            guard let value else { return output.varint(-1) }
            Self.encode(value, isBase64: isBase64, into: &output)
        }

        private static func encode(_ text: RawSpan, isBase64: Bool, into output: inout GrowingBytes)
        {
            guard isBase64, let byteCount = Base64.decodedByteCount(text) else {
                output.varint(Int64(text.byteCount))
                output.append(text)
                return
            }
            output.varint(Int64(byteCount))
            _ = Base64.decode(text, into: &output)
        }
    }

    /// Walks a block's lines strictly; ends with `isMalformed` where the block is not exactly
    /// version line, lines of `name`, separator, `value`, CR LF, and an empty line.
    struct StrictLines: ~Escapable {
        private let bytes: RawSpan
        private let isTight: Bool
        private var position: Int
        private(set) var isMalformed = false

        @_lifetime(copy bytes)
        init(_ bytes: RawSpan, isTight: Bool) {
            self.bytes = bytes
            self.isTight = isTight
            position = NATSHeaderBlock.version.utf8CodeUnitCount
            if !bytes.hasPrefix(NATSHeaderBlock.version) {
                isMalformed = true
                position = bytes.byteCount
            }
        }

        @_lifetime(copy self)
        mutating func next() -> Line? {
            guard !isMalformed else { return nil }
            guard let end = bytes.firstPosition(of: UInt8(ascii: "\r"), from: position),
                end + 1 < bytes.byteCount, bytes[end + 1] == UInt8(ascii: "\n")
            else { return malformed() }
            let line = bytes.extracting(position..<end)
            position = end + 2
            if line.byteCount == 0 {
                // The empty line is the last.
                return position == bytes.byteCount ? nil : malformed()
            }
            guard let colon = line.firstPosition(of: UInt8(ascii: ":")) else { return malformed() }
            let hasSpace = colon + 1 < line.byteCount && line[colon + 1] == UInt8(ascii: " ")
            guard hasSpace != isTight else { return malformed() }
            return Line(
                name: line.extracting(0..<colon), value: line.from(colon + (isTight ? 1 : 2)))
        }

        @_lifetime(copy self)
        private mutating func malformed() -> Line? {
            isMalformed = true
            return nil
        }
    }
}
