/// Compact JSON laid out for people, two spaces a level, as Go does it: `{}` and `[]` stay together.
public enum JSONIndent {
    /// - Parameter compact: JSON without white space between its tokens, as ``JSONWriter`` makes it.
    public static func indented(_ compact: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(compact.count + compact.count / 2)
        var depth = 0
        var isInString = false
        var isEscaped = false
        for (index, byte) in compact.enumerated() {
            if isInString {
                out.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""):
                isInString = true
                out.append(byte)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                out.append(byte)
                // The bracket that closes an opening one is two codes behind it.
                if index + 1 < compact.count, compact[index + 1] == byte + 2 { continue }
                depth += 1
                breakLine(&out, depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if index > 0, compact[index - 1] != byte - 2 {
                    depth -= 1
                    breakLine(&out, depth)
                }
                out.append(byte)
            case UInt8(ascii: ","):
                out.append(byte)
                breakLine(&out, depth)
            case UInt8(ascii: ":"):
                out.append(byte)
                out.append(UInt8(ascii: " "))
            default: out.append(byte)
            }
        }
        return out
    }

    private static func breakLine(_ out: inout [UInt8], _ depth: Int) {
        out.append(UInt8(ascii: "\n"))
        for _ in 0..<max(0, depth) * 2 { out.append(UInt8(ascii: " ")) }
    }
}
