import Bytes

/// Where a piece of a command lies in the bytes that were parsed.
@frozen
public struct ByteRange: Equatable, Sendable {
    public var start: Int
    public var end: Int

    @inlinable public init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = end
    }

    @inlinable public static var empty: ByteRange { ByteRange(0, 0) }
    @inlinable public var count: Int { end &- start }
    @inlinable public var isEmpty: Bool { start == end }
}

/// What a client sent, or why that cannot be told.
public enum ClientCommand: UInt8, Sendable {
    /// PUB or HPUB, with its whole payload: `subject`, `reply`, `headerByteCount`, `payloadStart`,
    /// `totalByteCount`.
    case publish
    /// SUB: `subject`, `queue`, `sid`.
    case subscribe
    /// UNSUB: `sid`, `maximum`.
    case unsubscribe
    /// CONNECT: `argument` is its JSON.
    case connect
    case ping, pong
    /// INFO and +OK, which a client has no reason to send and which do no harm.
    case ignored

    /// The command is not complete yet.
    case incomplete

    /// Answered with `Unknown Protocol Operation`, and the end.
    case unknownOperation
    /// Answered with `maximum control line exceeded`, and the end.
    case controlLineTooLong
    /// Answered with `Maximum Payload Violation`, and the end.
    case payloadTooLarge
    /// A wrong number of arguments, or a bad size: the end, without a word. So is a client's own
    /// `-ERR`.
    case badArguments
}

/// Reads the commands of a NATS client out of borrowed bytes, one a call.
///
/// A command is a line, ended by LF or CRLF; its verb knows no case, its arguments stand between
/// runs of spaces and tabs. PUB and HPUB are followed by that many bytes and exactly CRLF:
///
///     PUB <subject> [reply] <#bytes>
///     HPUB <subject> [reply] <#header bytes> <#bytes in all>
///     SUB <subject> [queue] <sid>
///     UNSUB <sid> [max]
///     CONNECT {json} · PING · PONG
///
/// Nothing is copied and nothing allocated: after ``next(_:at:)`` the properties say where in the
/// bytes the pieces lie.
/// Source: NATS client protocol.
@frozen
public struct ClientParser: Sendable {
    /// The longest run of arguments of a line.
    public var maximumControlLine: Int
    /// The most bytes of headers and payload together.
    public var maximumPayload: Int
    /// Whether HPUB may be used.
    public var allowsHeaders = false

    public internal(set) var subject = ByteRange.empty
    public internal(set) var reply = ByteRange.empty
    public internal(set) var queue = ByteRange.empty
    public internal(set) var sid = ByteRange.empty
    public internal(set) var argument = ByteRange.empty
    /// UNSUB's; 0 for none, or for one that is no number.
    public internal(set) var maximum = 0
    public internal(set) var hasHeaders = false
    public internal(set) var headerByteCount = 0
    /// Headers and payload.
    public internal(set) var totalByteCount = 0
    public internal(set) var payloadStart = 0
    /// Behind the command, or, of an incomplete publish whose line is complete, where it will end.
    public internal(set) var end = 0
    /// Whether what follows the publish's subject and one space is, byte for byte, what follows the
    /// sid in a MSG.
    public internal(set) var isCanonical = false

    // The arguments of the line, as far as there are any.
    var arguments = (ByteRange.empty, ByteRange.empty, ByteRange.empty, ByteRange.empty)
    var argumentCount = 0
    var lineIsCanonical = false

    public init(maximumControlLine: Int = 4096, maximumPayload: Int = 1 << 20) {
        self.maximumControlLine = maximumControlLine
        self.maximumPayload = maximumPayload
    }

    /// The command that begins at `position`.
    public mutating func next(_ bytes: RawSpan, at position: Int) -> ClientCommand {
        end = position
        guard position < bytes.byteCount else { return .incomplete }
        switch bytes[byteAt: position] {
        case UInt8(ascii: "P"), UInt8(ascii: "p"):
            guard position &+ 1 < bytes.byteCount else { return .incomplete }
            switch bytes[byteAt: position &+ 1] | 0x20 {
            case UInt8(ascii: "u"):
                if isUsualPublish(bytes, position) { return payload(bytes) }
                return publish(bytes, position, "PUB", hasHeaders: false)
            case UInt8(ascii: "i"): return word(bytes, position, "PING", .ping)
            case UInt8(ascii: "o"): return word(bytes, position, "PONG", .pong)
            default: return .unknownOperation
            }
        case UInt8(ascii: "H"), UInt8(ascii: "h"):
            return publish(bytes, position, "HPUB", hasHeaders: true)
        case UInt8(ascii: "S"), UInt8(ascii: "s"): return subscribe(bytes, position)
        case UInt8(ascii: "U"), UInt8(ascii: "u"): return unsubscribe(bytes, position)
        case UInt8(ascii: "C"), UInt8(ascii: "c"):
            // Nothing has to stand between the verb and the JSON.
            return line(bytes, position, "CONNECT", .connect, needsSpace: false)
        case UInt8(ascii: "I"), UInt8(ascii: "i"): return line(bytes, position, "INFO", .ignored)
        case UInt8(ascii: "+"): return word(bytes, position, "+OK", .ignored)
        case UInt8(ascii: "-"): return line(bytes, position, "-ERR", .badArguments)
        default: return .unknownOperation
        }
    }

    // MARK: Publishing

    private mutating func publish(
        _ bytes: RawSpan, _ position: Int, _ verb: StaticString, hasHeaders: Bool
    ) -> ClientCommand {
        if let failure = verbAndArguments(bytes, position, verb) { return failure }
        let sizeCount = hasHeaders ? 2 : 1
        if hasHeaders, !allowsHeaders { return .badArguments }
        guard argumentCount == sizeCount &+ 1 || argumentCount == sizeCount &+ 2 else {
            return .badArguments
        }
        self.hasHeaders = hasHeaders
        subject = arguments.0
        let hasReply = argumentCount == sizeCount &+ 2
        reply = hasReply ? arguments.1 : .empty
        let first = hasReply ? arguments.2 : arguments.1
        let size = number(bytes, first)
        guard size >= 0 else { return .badArguments }
        if hasHeaders {
            let last = hasReply ? arguments.3 : arguments.2
            let total = number(bytes, last)
            guard total >= size else { return .badArguments }
            headerByteCount = size
            totalByteCount = total
            // A message whose headers are empty goes on as one that has none.
            self.hasHeaders = size > 0
            isCanonical =
                size > 0 && lineIsCanonical && isPlain(bytes, first, size)
                && isPlain(bytes, last, total)
        } else {
            headerByteCount = 0
            totalByteCount = size
            isCanonical = lineIsCanonical && isPlain(bytes, first, size)
        }
        payloadStart = end
        return payload(bytes)
    }

    /// What follows the line.
    @inline(__always)
    private mutating func payload(_ bytes: RawSpan) -> ClientCommand {
        guard totalByteCount <= maximumPayload else { return .payloadTooLarge }
        end = payloadStart &+ totalByteCount &+ 2
        guard end <= bytes.byteCount else { return .incomplete }
        guard bytes[byteAt: end &- 2] == 0x0D, bytes[byteAt: end &- 1] == 0x0A else {
            return .unknownOperation
        }
        return .publish
    }

    /// Reads a complete line of the one form that nearly all have: `PUB <subject> [reply]
    /// <#bytes>`, upper case, single spaces, CRLF. False, with nothing said about the line, for
    /// anything else.
    @inline(__always)
    private mutating func isUsualPublish(_ bytes: RawSpan, _ position: Int) -> Bool {
        let count = bytes.byteCount
        guard count &- position > 8 else { return false }
        // In bounds by the line above; any bit pattern is an integer.
        let verb = unsafe bytes.unsafeLoadUnaligned(
            fromUncheckedByteOffset: position, as: UInt32.self)
        guard UInt32(littleEndian: verb) == 0x2042_5550 else { return false }
        let start = position &+ 4
        var index = wordEnd(bytes, from: start)
        guard index > start, index < count, bytes[byteAt: index] == 0x20 else { return false }
        let subjectEnd = index
        var reply = ByteRange.empty
        index &+= 1
        var digits = index
        var size = digitsValue(bytes, &index)
        if index < count, bytes[byteAt: index] > 0x20 {
            index = wordEnd(bytes, from: index)
            guard index < count, bytes[byteAt: index] == 0x20 else { return false }
            reply = ByteRange(digits, index)
            index &+= 1
            digits = index
            size = digitsValue(bytes, &index)
        } else if index < count, bytes[byteAt: index] == 0x20 {
            // Digits, and something behind them: a reply that looks like a number.
            return false
        }
        let length = index &- digits
        guard length > 0, length <= 9, length == 1 || bytes[byteAt: digits] != UInt8(ascii: "0"),
            index &+ 1 < count, bytes[byteAt: index] == 0x0D, bytes[byteAt: index &+ 1] == 0x0A,
            index &- start <= maximumControlLine
        else { return false }
        subject = ByteRange(start, subjectEnd)
        self.reply = reply
        hasHeaders = false
        headerByteCount = 0
        totalByteCount = size
        isCanonical = true
        payloadStart = index &+ 2
        return true
    }

    /// Where the next blank or control byte is, or the end.
    @inline(__always)
    private func wordEnd(_ bytes: RawSpan, from start: Int) -> Int {
        var index = start
        while index &+ 8 <= bytes.byteCount {
            // In bounds by the line above; any bit pattern is an integer.
            let word = unsafe bytes.unsafeLoadUnaligned(
                fromUncheckedByteOffset: index, as: UInt64.self)
            let eight = UInt64(littleEndian: word)
            // The high bit of each byte below 0x21, exact up to the first of them.
            let ends = (eight &- 0x2121_2121_2121_2121) & ~eight & 0x8080_8080_8080_8080
            if ends != 0 { return index &+ ends.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < bytes.byteCount, bytes[byteAt: index] > 0x20 { index &+= 1 }
        return index
    }

    /// The value of the digits at `index`, which moves behind them. Meaningless for more than nine.
    @inline(__always)
    private func digitsValue(_ bytes: RawSpan, _ index: inout Int) -> Int {
        var value = 0
        while index < bytes.byteCount {
            let digit = bytes[byteAt: index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value &* 10 &+ Int(digit)
            index &+= 1
        }
        return value
    }

    /// A size: one to nine decimal digits. -1 for anything else.
    private func number(_ bytes: RawSpan, _ range: ByteRange) -> Int {
        guard range.count > 0, range.count <= 9 else { return -1 }
        var value = 0
        var index = range.start
        while index < range.end {
            let digit = bytes[byteAt: index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return -1 }
            value = value &* 10 &+ Int(digit)
            index &+= 1
        }
        return value
    }

    /// Whether the digits are the shortest that give `value`.
    private func isPlain(_ bytes: RawSpan, _ range: ByteRange, _ value: Int) -> Bool {
        range.count == 1 || bytes[byteAt: range.start] != UInt8(ascii: "0")
    }

    // MARK: Subscribing

    private mutating func subscribe(_ bytes: RawSpan, _ position: Int) -> ClientCommand {
        if let failure = verbAndArguments(bytes, position, "SUB") { return failure }
        subject = arguments.0
        switch argumentCount {
        case 2: (queue, sid) = (.empty, arguments.1)
        case 3: (queue, sid) = (arguments.1, arguments.2)
        default: return .badArguments
        }
        return .subscribe
    }

    private mutating func unsubscribe(_ bytes: RawSpan, _ position: Int) -> ClientCommand {
        if let failure = verbAndArguments(bytes, position, "UNSUB") { return failure }
        sid = arguments.0
        switch argumentCount {
        case 1: maximum = 0
        case 2: maximum = max(0, number(bytes, arguments.1))
        default: return .badArguments
        }
        return .unsubscribe
    }
}
