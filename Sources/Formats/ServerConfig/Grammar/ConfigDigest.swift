/// The text that a configuration's digest is taken of, so that two files with the same meaning have the same digest: JSON
/// with sorted keys. What nats-server hashes, to the byte.
///
/// Source: nats-server 2.15, `-t` and `config_digest` in `/varz`.
public enum ConfigDigest {
    public static func text(of tree: ConfigTree) -> [UInt8] {
        var bytes: [UInt8] = []
        append(tree.root, to: &bytes)
        bytes.append(.newline)
        return bytes
    }

    private static func append(_ map: ConfigMap, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        let entries = map.entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (index, entry) in entries.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(entry.key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            append(entry.node.value, to: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    private static func append(_ value: ConfigValue, to bytes: inout [UInt8]) {
        switch value {
        case .string(let text), .date(let text): append(text, to: &bytes)
        case .integer(let number): bytes += Array(String(number).utf8)
        case .float(let number): bytes += Array(text(of: number).utf8)
        case .boolean(let flag): bytes += Array((flag ? "true" : "false").utf8)
        case .map(let map): append(map, to: &bytes)
        case .array(let nodes):
            bytes.append(UInt8(ascii: "["))
            for (index, node) in nodes.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                append(node.value, to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        }
    }

    /// As Go writes JSON: `<`, `>` and `&` escaped, and the separators that JavaScript takes for line ends.
    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": bytes += Array("\\\"".utf8)
            case "\\": bytes += Array("\\\\".utf8)
            case "\n": bytes += Array("\\n".utf8)
            case "\r": bytes += Array("\\r".utf8)
            case "\t": bytes += Array("\\t".utf8)
            case "\u{8}": bytes += Array("\\b".utf8)
            case "\u{c}": bytes += Array("\\f".utf8)
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                bytes += Array("\\u".utf8) + Array(repeating: UInt8(ascii: "0"), count: 4 - digits.count)
                bytes += Array(digits.utf8)
            default: bytes += Array(String(scalar).utf8)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The shortest decimal digits that mean the number; with an exponent only below 1e-6 and from 1e21 on, as Go writes it.
    private static func text(of number: Double) -> String {
        let parts = number.description.split(separator: "e")
        let mantissa = parts[0].hasSuffix(".0") ? parts[0].dropLast(2) : parts[0]
        guard parts.count == 2, let exponent = Int(parts[1]) else { return String(mantissa) }
        let sign = mantissa.hasPrefix("-") ? "-" : ""
        let digits = mantissa.filter(\.isNumber)
        if exponent < -6 || exponent >= 21 { return "\(mantissa)e\(exponent < 0 ? "-" : "+")\(abs(exponent))" }
        if exponent < 0 { return "\(sign)0.\(String(repeating: "0", count: -exponent - 1))\(digits)" }
        return sign + digits + String(repeating: "0", count: exponent + 1 - digits.count)
    }
}
