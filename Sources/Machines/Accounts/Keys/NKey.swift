/// A public key whose text says what it is for: `U…` a user, `A…` an account.
///
/// The text is base32, 56 letters: one byte for the kind, 32 of the key, and their CRC-16.
/// Source: the nkeys repository of NATS, "README" and "strkey".
public struct NKey: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        case account = 0
        case cluster = 16
        case server = 104
        case `operator` = 112
        case user = 160
        /// For sealing, not for signing.
        case curve = 184
    }

    public let kind: Kind
    /// 32 bytes: Ed25519, or X25519 for the kind ``Kind/curve``.
    public let bytes: [UInt8]

    public init(_ kind: Kind, _ bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount, "a key has 32 bytes")
        self.kind = kind
        self.bytes = bytes
    }

    /// Nil for what is no public key, or whose checksum is wrong.
    public init?(_ text: String) {
        guard text.utf8.count == Self.textByteCount, let all = Base32.decode(text),
            all.count == Self.byteCount + 3, let kind = Kind(rawValue: all[0]),
            NKeyChecksum.isRight(all)
        else { return nil }
        self.kind = kind
        bytes = Array(all[1...Self.byteCount])
    }

    /// As ``init(_:)``, for one kind only.
    public init?(_ text: String, _ kind: Kind) {
        guard let key = NKey(text), key.kind == kind else { return nil }
        self = key
    }

    public var text: String { Base32.encode(NKeyChecksum.appended(to: [kind.rawValue] + bytes)) }

    static let byteCount = 32
    static let textByteCount = 56
}

/// CRC-16/XMODEM of all before it, the low byte first.
enum NKeyChecksum {
    static func appended(to bytes: [UInt8]) -> [UInt8] {
        let sum = of(bytes[...])
        return bytes + [UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8)]
    }

    static func isRight(_ all: [UInt8]) -> Bool {
        guard all.count > 2 else { return false }
        return appended(to: Array(all.dropLast(2))) == all
    }

    private static func of(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        var sum: UInt16 = 0
        for byte in bytes {
            sum ^= UInt16(byte) << 8
            for _ in 0..<8 { sum = sum & 0x8000 != 0 ? sum << 1 ^ 0x1021 : sum << 1 }
        }
        return sum
    }
}
