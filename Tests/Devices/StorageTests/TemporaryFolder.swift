import Glibc

/// A folder that is gone with its last reference.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/duolog-storage-XXXXXX".utf8CString)
        // mkdtemp changes the letters in place and keeps nothing.
        path = unsafe template.withUnsafeMutableBufferPointer {
            unsafe String(cString: mkdtemp($0.baseAddress!)!)
        }
    }

    deinit { _ = run("rm", "-rf", path) }

    /// A copy of the folder as it is now, as a crash would leave it.
    func copy() -> TemporaryFolder {
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
