import Bytes

/// A subject that may hold wildcards: `*` stands for one token, `>` at the end for one or more.
///
/// Both are special only where they are a whole token. Source: NATS protocol, "Subject names".
public struct SubjectFilter: Hashable, Sendable {
    public let text: String
    private let bytes: [UInt8]

    /// Nil for text that no subscription may have: empty tokens, white space, or `>` before the end.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard Self.isValid(bytes) else { return nil }
        self.text = text
        self.bytes = bytes
    }

    /// The filter `>`.
    public static let everything = SubjectFilter(">")!

    public var matchesEverything: Bool { bytes.count == 1 && bytes[0] == fullWildcard }

    /// Whether it has no wildcard, so that it matches one subject only.
    public var isLiteral: Bool {
        var tokens = Tokens(bytes.span.bytes)
        while let token = tokens.next() {
            if token.isWildcard(in: bytes.span.bytes) { return false }
        }
        return true
    }

    public func matches(_ subject: RawSpan) -> Bool {
        let filter = bytes.span.bytes
        var wanted = Tokens(filter)
        var found = Tokens(subject)
        while let want = wanted.next() {
            guard let token = found.next() else { return false }
            if want.isFull(in: filter) { return true }
            if want.isPartial(in: filter) { continue }
            guard want.equals(token, filter, subject) else { return false }
        }
        return found.next() == nil
    }

    public func matches(_ subject: String) -> Bool {
        let bytes = Array(subject.utf8)
        return matches(bytes.span.bytes)
    }

    /// Whether some subject matches both filters.
    public func overlaps(_ other: SubjectFilter) -> Bool {
        let (left, right) = (bytes.span.bytes, other.bytes.span.bytes)
        var (lefts, rights) = (Tokens(left), Tokens(right))
        while true {
            guard let one = lefts.next() else { return rights.next() == nil }
            guard let two = rights.next() else { return false }
            if one.isFull(in: left) || two.isFull(in: right) { return true }
            if one.isPartial(in: left) || two.isPartial(in: right) { continue }
            guard one.equals(two, left, right) else { return false }
        }
    }

    /// What both match, as one filter; nil if that is nothing.
    public func intersection(with other: SubjectFilter) -> SubjectFilter? {
        guard overlaps(other) else { return nil }
        var lefts = text.split(separator: ".")[...]
        var rights = other.text.split(separator: ".")[...]
        var tokens: [Substring] = []
        while let left = lefts.popFirst(), let right = rights.popFirst() {
            if left == ">" {
                tokens += [right] + rights
                break
            }
            if right == ">" {
                tokens += [left] + lefts
                break
            }
            tokens.append(left == "*" ? right : left)
        }
        return SubjectFilter(tokens.joined(separator: "."))
    }

    /// Whether every subject that `other` matches is matched by this one too.
    public func contains(_ other: SubjectFilter) -> Bool {
        let (outer, inner) = (bytes.span.bytes, other.bytes.span.bytes)
        var (outers, inners) = (Tokens(outer), Tokens(inner))
        while let wide = outers.next() {
            guard let narrow = inners.next() else { return false }
            if wide.isFull(in: outer) { return true }
            if narrow.isFull(in: inner) { return false }
            if wide.isPartial(in: outer) { continue }
            if narrow.isPartial(in: inner) { return false }
            guard wide.equals(narrow, outer, inner) else { return false }
        }
        return inners.next() == nil
    }

    private static func isValid(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty, bytes.last != separator else { return false }
        let span = bytes.span.bytes
        var tokens = Tokens(span)
        while let token = tokens.next() {
            if token.start == token.end { return false }
            if token.isFull(in: span), token.end != bytes.count { return false }
        }
        return !bytes.contains { $0 == 0x20 || (0x09...0x0D).contains($0) || $0 == 0 }
    }
}

/// Whether `subject` can be published to a stream: no wildcard tokens, no empty ones, no white space.
public func isLiteralSubject(_ subject: String) -> Bool {
    SubjectFilter(subject)?.isLiteral ?? false
}

private let separator = UInt8(ascii: ".")
private let partialWildcard = UInt8(ascii: "*")
private let fullWildcard = UInt8(ascii: ">")

private struct Token: Equatable {
    var start: Int
    var end: Int

    func isFull(in span: RawSpan) -> Bool { end - start == 1 && span[start] == fullWildcard }
    func isPartial(in span: RawSpan) -> Bool {
        end - start == 1 && span[start] == partialWildcard
    }
    func isWildcard(in span: RawSpan) -> Bool { isFull(in: span) || isPartial(in: span) }

    func equals(_ other: Token, _ mine: RawSpan, _ theirs: RawSpan) -> Bool {
        guard end - start == other.end - other.start else { return false }
        for index in 0..<(end - start)
        where mine[start + index] != theirs[other.start + index] {
            return false
        }
        return true
    }
}

/// The tokens of a subject, front to back. An empty subject has one empty token.
private struct Tokens: ~Escapable {
    private let span: RawSpan
    private var position = 0
    private var isDone = false

    @_lifetime(copy span)
    init(_ span: RawSpan) { self.span = span }

    mutating func next() -> Token? {
        guard !isDone else { return nil }
        let start = position
        while position < span.byteCount, span[position] != separator { position += 1 }
        let token = Token(start: start, end: position)
        if position == span.byteCount { isDone = true } else { position += 1 }
        return token
    }
}
