import Glibc

/// This process.
public enum Process {
    /// Writes to standard error and ends at once, without clean-up: nothing that is pending may
    /// happen any more.
    public static func end(_ code: Int32, message: String) -> Never {
        let text = Array(message.utf8)
        // Reads the array while it is borrowed.
        _ = unsafe text.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
        _exit(code)
    }
}
