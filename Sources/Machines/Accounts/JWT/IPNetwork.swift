/// A range of IP addresses, as in `10.0.0.0/8` or `fd00::/8`. Source: RFC 4632, RFC 4291.
public struct IPNetwork: Hashable, Sendable {
    private let address: [UInt8]
    private let bitCount: Int

    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = Self.parse(String(parts[0])),
            parts[1].allSatisfy(\.isNumber), let bitCount = Int(parts[1]),
            0...address.count * 8 ~= bitCount
        else { return nil }
        self.address = address
        self.bitCount = bitCount
    }

    /// Whether `host` is an address in the range.
    public func contains(_ host: String) -> Bool {
        guard var other = Self.parse(host) else { return false }
        // An IPv4 client on an IPv6 port.
        if other.count == 16, address.count == 4,
            other.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        {
            other = Array(other.suffix(4))
        }
        guard other.count == address.count else { return false }
        return (0..<bitCount).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return address[bit / 8] & mask == other[bit / 8] & mask
        }
    }

    /// 4 or 16 bytes.
    private static func parse(_ text: String) -> [UInt8]? {
        text.contains(":") ? parseVersion6(text) : parseVersion4(text[...])
    }

    private static func parseVersion4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { $0.first == "+" ? nil : UInt8($0) }
        return parts.count == 4 && bytes.count == 4 ? bytes : nil
    }

    private static func parseVersion6(_ text: String) -> [UInt8]? {
        let address = text.prefix { $0 != "%" }
        guard let gap = address.firstRange(of: "::") else {
            let bytes = groups(address)
            return bytes?.count == 16 ? bytes : nil
        }
        guard let front = groups(address[..<gap.lowerBound]),
            let back = groups(address[gap.upperBound...]), front.count + back.count <= 14
        else { return nil }
        return front + [UInt8](repeating: 0, count: 16 - front.count - back.count) + back
    }

    private static func groups(_ text: Substring) -> [UInt8]? {
        if text.isEmpty { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if part.contains("."), index == parts.count - 1 {
                guard let last = parseVersion4(part) else { return nil }
                bytes += last
            } else {
                guard 1...4 ~= part.count, part.allSatisfy(\.isHexDigit),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(truncatingIfNeeded: group)]
            }
        }
        return bytes
    }
}
