/// Random bytes from the kernel, good enough for keys.
public enum Entropy {
    public static func bytes(_ count: Int) -> [UInt8] {
        var kernel = SystemRandomNumberGenerator()
        return (0..<count).map { _ in kernel.next() }
    }

    public static func uint64() -> UInt64 {
        var kernel = SystemRandomNumberGenerator()
        return kernel.next()
    }

    /// The 16 bytes of a random UUID. Source: RFC 9562 section 5.4, "UUID Version 4".
    public static func uuid() -> [UInt8] {
        var uuid = bytes(16)
        uuid[6] = uuid[6] & 0x0F | 0x40
        uuid[8] = uuid[8] & 0x3F | 0x80
        return uuid
    }
}
