/// How large a stored message is, as JetStream counts it, in four bytes.
///
/// The count is subject, header block and payload plus what nats-server's file store adds: 30 bytes, and 4 more where
/// there are headers. Limits and stream infos use it, so they agree with nats-server to the byte.
public struct StoredSize: Hashable, Sendable {
    private let raw: UInt32

    private static let headerFlag: UInt32 = 0x8000_0000
    private static let overhead = 30

    public init(subjectByteCount: Int, headerByteCount: Int, payloadByteCount: Int) {
        let bare = Self.overhead + subjectByteCount + headerByteCount + payloadByteCount
        let flag = headerByteCount > 0 ? Self.headerFlag : 0
        raw = UInt32(min(bare, Int(Self.headerFlag) - 1)) | flag
    }

    private init(raw: UInt32) { self.raw = raw }

    /// The same with the header flag in the lowest bit, so that sizes that are alike need few bits to tell apart.
    var packed: UInt32 { raw << 1 | raw >> 31 }

    init(packed: UInt32) { self.init(raw: packed >> 1 | packed << 31) }

    /// What limits and infos count.
    public var accounted: UInt64 {
        UInt64(raw & ~Self.headerFlag) + (raw & Self.headerFlag != 0 ? 4 : 0)
    }

    /// Subject, headers and payload alone.
    public var messageByteCount: Int { Int(raw & ~Self.headerFlag) - Self.overhead }
}
