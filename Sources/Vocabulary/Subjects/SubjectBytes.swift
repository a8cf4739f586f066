import Bytes

/// Rules about subjects as they come over the wire, where the line has no white space left in them.
public enum SubjectBytes {
    /// Whether a subscription may have this filter: no empty token, and `>` only at the end.
    public static func isValidFilter(_ filter: RawSpan) -> Bool {
        guard !filter.hasEmptyToken else { return false }
        var position = 0
        while let token = filter.nextToken(&position) {
            if wildcard(filter.extracting(token.start..<token.end)) == .full {
                return token.end == filter.byteCount
            }
        }
        return true
    }

    /// Whether it is a subject without wildcards and empty tokens.
    public static func isLiteral(_ subject: RawSpan) -> Bool {
        guard !subject.hasEmptyToken else { return false }
        var position = 0
        while let token = subject.nextToken(&position) {
            if wildcard(subject.extracting(token.start..<token.end)) != nil { return false }
        }
        return true
    }

    /// One more than there are dots.
    public static func tokenCount(_ subject: RawSpan) -> Int {
        var count = 1
        for index in 0..<subject.byteCount where subject[byteAt: index] == UInt8(ascii: ".") {
            count += 1
        }
        return count
    }

    /// Whether the first token is a wildcard.
    public static func beginsWithWildcard(_ filter: RawSpan) -> Bool {
        wildcard(firstToken(filter)) != nil
    }

    @_lifetime(copy subject)
    public static func firstToken(_ subject: RawSpan) -> RawSpan {
        var position = 0
        guard let token = subject.nextToken(&position) else { return subject }
        return subject.extracting(token.start..<token.end)
    }
}
