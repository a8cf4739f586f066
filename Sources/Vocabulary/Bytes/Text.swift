extension String {
    /// The text in `bytes`, or nil where they are not UTF-8.
    public init?(validatingUTF8 bytes: RawSpan) {
        // Copied while the pointer is valid.
        let text = unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
        guard let text else { return nil }
        self = text
    }

    /// The text in `bytes`, each invalid sequence replaced by U+FFFD. For messages to people only.
    public init(repairingUTF8 bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

extension Array where Element == UInt8 {
    /// A copy of `span`.
    public init(copying span: RawSpan) {
        self = unsafe span.withUnsafeBytes { unsafe Array($0) }
    }
}
