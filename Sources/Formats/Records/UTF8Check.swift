import Bytes

/// Whether bytes are text.
enum UTF8Check {
    /// Whether `bytes` are well-formed UTF-8.
    static func isValid(_ bytes: RawSpan) -> Bool {
        for position in 0..<bytes.byteCount where bytes[position] >= 0x80 {
            return isValidBeyondASCII(bytes)
        }
        return true
    }

    private static func isValidBeyondASCII(_ bytes: RawSpan) -> Bool {
        // The pointer is used only inside the closure.
        unsafe bytes.withUnsafeBytes { buffer in
            unsafe buffer.withMemoryRebound(to: UInt8.self) { units in
                (try? unsafe UTF8Span(validating: Span(_unsafeElements: units))) != nil
            }
        }
    }
}
