import Glibc

/// This process.
public enum Process {
    /// Writes to standard error and ends at once, without clean-up: nothing that is pending may
    /// happen any more.
    public static func end(_ code: Int32, message: String) -> Never {
        Syscalls.writeToStandardError(message)
        _exit(code)
    }
}
