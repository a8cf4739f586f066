import Bytes

/// Base64 with the alphabet for URLs and without padding: nonces, signatures and the parts of a JWT.
/// Source: RFC 4648 section 5.
public enum Base64URL {
    public static func encode(_ bytes: [UInt8]) -> String {
        String(
            decoding: Base64.encode(bytes).utf8.compactMap { letter -> UInt8? in
                switch letter {
                case UInt8(ascii: "+"): UInt8(ascii: "-")
                case UInt8(ascii: "/"): UInt8(ascii: "_")
                case UInt8(ascii: "="): nil
                default: letter
                }
            }, as: UTF8.self)
    }

    /// Nil where it is not what ``encode(_:)`` would write.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var letters: [UInt8] = []
        letters.reserveCapacity(text.utf8.count + 3)
        for letter in text.utf8 {
            switch letter {
            case UInt8(ascii: "-"): letters.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): letters.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: letters.append(letter)
            }
        }
        while letters.count % 4 != 0 { letters.append(UInt8(ascii: "=")) }
        return Base64.decode(String(decoding: letters, as: UTF8.self))
    }

    /// A signature as clients send it: for URLs, or the usual alphabet with padding.
    static func decodeEither(_ text: String) -> [UInt8]? { decode(text) ?? Base64.decode(text) }
}
