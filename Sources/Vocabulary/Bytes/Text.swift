extension String {
    /// The text in `bytes`, or nil where they are not UTF-8.
    public init?(validatingUTF8 bytes: RawSpan) {
        // By way of a UTF8Span, which takes a third of the time of `String(validating:as:)`.
        // Copied while the pointer is valid; bytes are bytes, whatever they were bound to.
        let text = unsafe bytes.withUnsafeBytes { raw -> String? in
            let span = unsafe raw.assumingMemoryBound(to: UInt8.self).span
            guard let text = try? UTF8Span(validating: span) else { return nil }
            return String(copying: text)
        }
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

    /// Appends the bytes of `span` in one piece.
    @inlinable public mutating func append(copying span: RawSpan) {
        // The pointer is used only inside the closure.
        unsafe span.withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}
