/// Base64 with the standard alphabet and padding. Source: RFC 4648 section 4.
public enum Base64 {
    /// How many characters `byteCount` bytes take.
    @inlinable public static func encodedByteCount(_ byteCount: Int) -> Int {
        (byteCount + 2) / 3 * 4
    }

    /// Appends the text of `bytes` to `output`.
    public static func encode(_ bytes: RawSpan, into output: inout GrowingBytes) {
        output.reserve(encodedByteCount(bytes.byteCount))
        var position = 0
        while position < bytes.byteCount {
            let left = bytes.byteCount - position
            let first = bytes[position]
            let second = left > 1 ? bytes[position + 1] : 0
            let third = left > 2 ? bytes[position + 2] : 0
            output.append(byte: character(first >> 2))
            output.append(byte: character((first & 0x03) << 4 | second >> 4))
            output.append(byte: left > 1 ? character((second & 0x0F) << 2 | third >> 6) : padding)
            output.append(byte: left > 2 ? character(third & 0x3F) : padding)
            position += 3
        }
    }

    public static func encode(_ bytes: [UInt8]) -> String {
        var output = GrowingBytes(capacity: encodedByteCount(bytes.count))
        encode(bytes.span.bytes, into: &output)
        return String(repairingUTF8: output.span)
    }

    /// How many bytes `text` stands for; nil where it is not what ``encode(_:into:)`` would write.
    ///
    /// Strict: right length, right padding, no stray bits in the last character, so that every byte
    /// string has exactly one text.
    public static func decodedByteCount(_ text: RawSpan) -> Int? {
        let count = text.byteCount
        guard count % 4 == 0 else { return nil }
        if count == 0 { return 0 }
        let paddingCount = text[count - 1] != padding ? 0 : text[count - 2] != padding ? 1 : 2
        for position in 0..<count - paddingCount where value(text[position]) == nil { return nil }
        if paddingCount > 0 {
            let last = value(text[count - 1 - paddingCount])!
            let strayBits: UInt8 = paddingCount == 1 ? 0x03 : 0x0F
            if last & strayBits != 0 { return nil }
        }
        return count / 4 * 3 - paddingCount
    }

    /// Appends the bytes that `text` stands for; false, and nothing appended, where it is not
    /// strict base64.
    public static func decode(_ text: RawSpan, into output: inout GrowingBytes) -> Bool {
        guard let byteCount = decodedByteCount(text) else { return false }
        let end = output.count + byteCount
        var position = 0
        while position < text.byteCount {
            var group: UInt32 = 0
            for index in position..<position + 4 {
                group = group << 6 | UInt32(value(text[index]) ?? 0)
            }
            output.append(byte: UInt8(truncatingIfNeeded: group >> 16))
            if output.count < end { output.append(byte: UInt8(truncatingIfNeeded: group >> 8)) }
            if output.count < end { output.append(byte: UInt8(truncatingIfNeeded: group)) }
            position += 4
        }
        return true
    }

    public static func decode(_ text: String) -> [UInt8]? {
        var output = GrowingBytes(capacity: text.utf8.count)
        guard decode(Array(text.utf8).span.bytes, into: &output) else { return nil }
        return Array(copying: output.span)
    }

    private static let padding = UInt8(ascii: "=")

    private static func character(_ sextet: UInt8) -> UInt8 {
        switch sextet {
        case 0..<26: UInt8(ascii: "A") + sextet
        case 26..<52: UInt8(ascii: "a") + (sextet - 26)
        case 52..<62: UInt8(ascii: "0") + (sextet - 52)
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
