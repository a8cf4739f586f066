import Glibc

/// A system call that failed: what was tried, on which file, and the errno.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    public var operation: String
    public var path: String
    public var errno: Int32

    public init(_ operation: String, _ path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// The device, the quota or the file size limit has no room left.
    public var isOutOfSpace: Bool { errno == ENOSPC || errno == EDQUOT || errno == EFBIG }

    /// There is no such file or folder.
    public var isMissing: Bool { errno == ENOENT }

    public var description: String {
        "\(operation) \(path): \(Syscalls.message(errno)) (errno \(errno))"
    }
}
