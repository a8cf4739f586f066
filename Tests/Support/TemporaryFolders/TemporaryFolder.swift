import Glibc

/// A folder for a test, gone with its last reference.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() {
        var template = Array("/tmp/duolog-XXXXXX".utf8CString)
        // mkdtemp changes the letters in place and keeps nothing.
        path = unsafe template.withUnsafeMutableBufferPointer {
            unsafe String(cString: mkdtemp($0.baseAddress!)!)
        }
    }

    deinit { remove() }

    /// Removes it now.
    public func remove() { _ = run("rm", "-rf", path) }

    /// A copy of the folder as it is now, as a crash would leave it.
    public func copy() -> TemporaryFolder {
        let other = TemporaryFolder()
        precondition(run("cp", "-a", path + "/.", other.path) == 0)
        return other
    }
}

@discardableResult
private func run(_ arguments: String...) -> Int32 {
    var process = pid_t()
    var pointers = arguments.map { unsafe strdup($0) } + [nil]
    defer { for pointer in unsafe pointers { unsafe free(pointer) } }
    guard unsafe posix_spawnp(&process, pointers[0]!, nil, nil, &pointers, environ) == 0 else {
        return -1
    }
    var status: Int32 = 0
    unsafe waitpid(process, &status, 0)
    return status
}
