import Bytes

/// The tokens that all subjects of a stream start with, fixed when the stream is created; a
/// record's key is what its subject has behind them.
///
///     subjects of the stream      prefix       subject          key
///     orders.>                    orders       orders.eu.17     eu.17
///     orders, orders.>            orders       orders           none
///     $KV.config.>                $KV.config   $KV.config.a.b   a.b
///     kafka.T, kafka.T.>          kafka.T      kafka.T.k        k
///     a.>, b.>                    (empty)      a.x              a.x
///
/// One predicate, ``isLegalKey(_:)``, decides both ways: a subject's rest is stored as key exactly
/// where reading makes the same subject of it again.
public struct KeyPrefix: Hashable, Sendable {
    /// The longest subject that is made of a key.
    public static let maxSubjectByteCount = 4096
    /// The longest subject that a record header may carry.
    public static let maxStoredSubjectByteCount = 65_535

    /// The prefix without its dot; empty where the subjects share nothing.
    public let text: String
    /// What a record with no key, or with a key that is no legal subject, is published under. An
    /// empty prefix has no such subject, so there it is the placeholder `_`.
    let bareSubject: [UInt8]
    /// The prefix with its dot, or nothing.
    let dotted: [UInt8]

    /// The literal tokens that all of `subjects` start with.
    public init(subjects: [String]) {
        var shared: [Substring]?
        for subject in subjects {
            let tokens = subject.split(separator: ".", omittingEmptySubsequences: false)
                .prefix { $0 != "*" && $0 != ">" }
            guard let known = shared else {
                shared = Array(tokens)
                continue
            }
            let count = zip(known, tokens).prefix { $0 == $1 }.count
            shared = Array(known.prefix(count))
        }
        self.init((shared ?? []).joined(separator: "."))
    }

    /// A prefix as it was stored with its stream.
    public init(_ text: String) {
        self.text = text
        dotted = text.isEmpty ? [] : Array(text.utf8) + [UInt8(ascii: ".")]
        bareSubject = text.isEmpty ? [UInt8(ascii: "_")] : Array(text.utf8)
    }

    /// How a subject is stored.
    public enum StoredSubject: ~Escapable {
        /// The subject is the prefix: no key.
        case noKey
        case key(RawSpan)
        /// Outside the prefix, or no key could stand for it: no key and the header `Nats-Subject`.
        case header
    }

    @_lifetime(copy subject)
    public func stored(_ subject: RawSpan) -> StoredSubject {
        if !dotted.isEmpty, subject.hasSameBytes(as: bareSubject.span.bytes) { return .noKey }
        guard subject.hasPrefix(dotted.span.bytes) else { return .header }
        let key = subject.from(dotted.count)
        return isLegalKey(key) ? .key(key) : .header
    }

    /// Whether prefix, dot and `key` make a subject that can be published: UTF-8 without control
    /// characters or spaces, no empty token, no token that is a wildcard, not too long.
    public func isLegalKey(_ key: RawSpan) -> Bool {
        let byteCount = key.byteCount
        guard byteCount > 0, dotted.count + byteCount <= Self.maxSubjectByteCount else {
            return false
        }
        var tokenStart = 0
        var isASCII = true
        for position in 0..<byteCount {
            let byte = key[position]
            if byte == UInt8(ascii: ".") {
                guard Self.isLegalToken(key, tokenStart, position) else { return false }
                tokenStart = position + 1
            } else if byte >= 0x80 {
                isASCII = false
            } else if byte <= 0x20 || byte == 0x7F {
                return false
            }
        }
        guard Self.isLegalToken(key, tokenStart, byteCount) else { return false }
        return isASCII || key.isUTF8
    }

    /// Whether `subject` is prefix, dot and `key`.
    func makes(_ subject: RawSpan, of key: RawSpan) -> Bool {
        subject.hasPrefix(dotted.span.bytes) && subject.from(dotted.count).hasSameBytes(as: key)
    }

    private static func isLegalToken(_ key: RawSpan, _ start: Int, _ end: Int) -> Bool {
        if end - start == 1 {
            return key[start] != UInt8(ascii: "*") && key[start] != UInt8(ascii: ">")
        }
        return end > start
    }

    /// Whether `subject` may stand in a protocol line: what a `Nats-Subject` header must be to be
    /// believed.
    static func isPublishable(_ subject: RawSpan) -> Bool {
        guard subject.byteCount > 0, subject.byteCount <= maxStoredSubjectByteCount else {
            return false
        }
        for position in 0..<subject.byteCount {
            switch subject[position] {
            case 0x20, 0x09, 0x0D, 0x0A: return false
            default: continue
            }
        }
        return true
    }
}
