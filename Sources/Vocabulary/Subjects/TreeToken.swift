import Bytes

/// A token as a node keeps it: up to 16 bytes lie in the node itself, so that comparing them touches
/// no other memory and counts no references.
struct TreeToken: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0
    private var byteCount = 0
    /// The whole token, where it is longer than that.
    private var long: [UInt8] = []

    private static let inlineByteCount = 16

    init() {}

    init(_ token: RawSpan) {
        self = TreeToken(key: token)
        if token.byteCount > Self.inlineByteCount { long = [UInt8](copying: token) }
    }

    /// Without the memory of a long one: only to be looked for.
    init(key token: RawSpan) {
        byteCount = token.byteCount
        for index in 0..<min(byteCount, 8) {
            low |= UInt64(token[byteAt: index]) << (UInt64(index) * 8)
        }
        guard byteCount > 8 else { return }
        for index in 8..<min(byteCount, Self.inlineByteCount) {
            high |= UInt64(token[byteAt: index]) << (UInt64(index - 8) * 8)
        }
    }

    /// - Parameter key: of `token`.
    func isEqual(to token: RawSpan, key: TreeToken) -> Bool {
        low == key.low && high == key.high && byteCount == key.byteCount
            && (byteCount <= Self.inlineByteCount || long.span.bytes.isEqual(to: token))
    }
}
