import Bytes
import JSON

/// What a client says about a delivered message: the body of a message to its ack subject.
///
/// Source: nats-architecture-and-design ADR-15.
public enum AckMessage: Equatable, Sendable {
    /// Empty, `+ACK` or `+OK`.
    case acknowledged
    /// `-NAK`, `-NAK {"delay":ns}` or `-NAK 5s`: deliver it again, after the delay if one is given.
    case refused(delayNanoseconds: Int64)
    /// `+WPI`: work in progress, start ack_wait anew.
    case inProgress
    /// `+TERM`, `+TERM reason`: never deliver it again.
    case terminated(reason: String)
    /// `+NXT`, `+NXT pull request`: acknowledged, and a pull request from the same place.
    case next(request: [UInt8])

    /// Nil for a body that means nothing; the server answers it and does nothing else.
    public init?(_ body: RawSpan) {
        if body.byteCount == 0 || body.hasSameBytes(as: "+ACK") || body.hasSameBytes(as: "+OK") {
            self = .acknowledged
        } else if body.hasPrefix("+NXT") {
            self = .next(request: Array(copying: body.trimmed(after: 4)))
        } else if body.hasPrefix("-NAK") {
            self = .refused(delayNanoseconds: Self.delay(body.trimmed(after: 4)))
        } else if body.hasSameBytes(as: "+WPI") {
            self = .inProgress
        } else if body.hasPrefix("+TERM") {
            self = .terminated(reason: String(repairingUTF8: body.trimmed(after: 5)))
        } else {
            return nil
        }
    }

    /// Whether the client is done with the message.
    public var isFinal: Bool {
        switch self {
        case .acknowledged, .terminated, .next: true
        case .refused, .inProgress: false
        }
    }

    /// A delay that cannot be read is none.
    private static func delay(_ text: RawSpan) -> Int64 {
        guard text.byteCount > 0 else { return 0 }
        if text[0] == UInt8(ascii: "{") {
            let value = try? JSONValue.parse(text)
            return max(0, value?["delay"]?.integer(Int64.self) ?? 0)
        }
        return max(0, parseGoDuration(String(repairingUTF8: text)) ?? 0)
    }
}

/// Nanoseconds of a duration as Go writes it: decimal numbers with the units ns, us, µs, ms, s, m and h.
public func parseGoDuration(_ text: String) -> Int64? {
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if isNegative || rest.first == "+" { rest.removeFirst() }
    if rest == "0" { return 0 }
    guard !rest.isEmpty, rest.utf8.count < 64 else { return nil }
    var total = 0.0
    while !rest.isEmpty {
        let number = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        guard let value = Double(number) else { return nil }
        rest = rest.dropFirst(number.count)
        let unit = rest.prefix { !($0.isASCII && $0.isNumber) && $0 != "." }
        rest = rest.dropFirst(unit.count)
        switch unit {
        case "ns": total += value
        case "us", "µs", "μs": total += value * 1e3
        case "ms": total += value * 1e6
        case "s": total += value * 1e9
        case "m": total += value * 6e10
        case "h": total += value * 3.6e12
        default: return nil
        }
    }
    guard total < 9.2e18 else { return nil }
    return Int64(isNegative ? -total : total)
}

extension RawSpan {
    /// What follows the first `count` bytes, spaces at both ends taken off.
    @_lifetime(copy self)
    fileprivate func trimmed(after count: Int) -> RawSpan {
        var (start, end) = (count, byteCount)
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
        while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return extracting(start..<end)
    }
}
