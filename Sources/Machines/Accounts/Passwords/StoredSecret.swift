import CCrypt

/// A password or token as the configuration keeps it: plain, or a bcrypt hash.
public struct StoredSecret: Hashable, Sendable {
    private let text: String

    public init(_ text: String) { self.text = text }

    /// Whether a check takes so long that it must not run on an event loop: some 50 ms to seconds,
    /// as the cost in the hash says.
    public var isHash: Bool { Self.isBcrypt(text) }

    /// Whether `offered` is the secret. For plain ones the time does not tell how much of it is
    /// right.
    public func matches(_ offered: String) -> Bool {
        if isHash { return Self.bcryptMatches(offered, text) }
        Sodium.start()
        return Sodium.areEqual(Array(text.utf8), Array(offered.utf8))
    }

    /// `$2a$`, `$2b$`, `$2x$` or `$2y$`, a cost of two digits, and `$`.
    static func isBcrypt(_ text: String) -> Bool {
        let bytes = Array(text.utf8.prefix(7))
        guard bytes.count == 7, bytes.starts(with: "$2".utf8), bytes[3] == UInt8(ascii: "$"),
            bytes[6] == UInt8(ascii: "$")
        else { return false }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return "abxy".utf8.contains(bytes[2]) && digits.contains(bytes[4])
            && digits.contains(bytes[5])
    }

    /// bcrypt sees the first 72 bytes only, as everywhere. A password that holds a zero byte is
    /// refused: libcrypt would take what is in front of it for the whole.
    private static func bcryptMatches(_ offered: String, _ hash: String) -> Bool {
        guard !offered.utf8.contains(0) else { return false }
        let workByteCount = MemoryLayout<crypt_data>.size
        var work = [UInt8](repeating: 0, count: workByteCount)
        guard let result = crypt_rn(offered, hash, &work, Int32(workByteCount)) else {
            return false
        }
        let made = String(cString: result)
        // Of a hash that it does not understand, libcrypt makes one that begins with an asterisk.
        guard isBcrypt(made) else { return false }
        Sodium.start()
        return Sodium.areEqual(Array(made.utf8), Array(hash.utf8))
    }
}
