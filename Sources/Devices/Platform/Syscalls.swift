import Glibc

/// The system calls for files, each with its error turned into a ``SystemError``.
///
/// Unsafe code lives here: pointers are those of spans and strings, and no call keeps one.
enum Syscalls {
    // MARK: Opening and naming

    static func open(_ path: String, _ flags: Int32) throws(SystemError) -> Int32 {
        let descriptor = retrying { Glibc.open(path, flags | O_CLOEXEC, 0o640) }
        guard descriptor >= 0 else { throw SystemError("open", path, errno: errno) }
        return descriptor
    }

    static func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    /// `mkdir -p`, durable.
    static func makeDirectories(_ path: String) throws(SystemError) {
        if isDirectory(path) { return }
        let above = parent(of: path)
        if above != path { try makeDirectories(above) }
        if mkdir(path, 0o750) != 0 {
            let code = errno
            // Another process may have been faster.
            guard code == EEXIST, isDirectory(path) else {
                throw SystemError("mkdir", path, errno: code == EEXIST ? ENOTDIR : code)
            }
        }
        let descriptor = try open(above, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        try fsync(descriptor, above)
    }

    private static func parent(of path: String) -> String {
        var rest = path[...]
        while rest.count > 1, rest.last == "/" { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func list(_ path: String) throws(SystemError) -> [String] {
        guard let folder = unsafe opendir(path) else {
            throw SystemError("opendir", path, errno: errno)
        }
        defer { unsafe _ = closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else {
                if errno != 0 { throw SystemError("readdir", path, errno: errno) }
                return names
            }
            // d_name is a C string inside the entry, which is valid until the next readdir.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    static func unlink(_ path: String) throws(SystemError) {
        guard Glibc.unlink(path) == 0 else { throw SystemError("unlink", path, errno: errno) }
    }

    static func rename(_ path: String, _ newPath: String) throws(SystemError) {
        guard Glibc.rename(path, newPath) == 0 else {
            throw SystemError("rename", path, errno: errno)
        }
    }

    // MARK: Reading and writing

    static func byteCount(_ descriptor: Int32, _ path: String) throws(SystemError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw SystemError("fstat", path, errno: errno)
        }
        return Int(status.st_size)
    }

    static func pread(
        _ descriptor: Int32, _ bytes: inout MutableRawSpan, _ offset: Int, _ path: String
    ) throws(SystemError) -> Int {
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            retrying {
                unsafe Glibc.pread(descriptor, buffer.baseAddress, buffer.count, offset)
            }
        }
        guard count >= 0 else { throw SystemError("read", path, errno: errno) }
        return count
    }

    static func pwrite(
        _ descriptor: Int32, _ bytes: RawSpan, _ offset: Int, _ path: String
    ) throws(SystemError) -> Int {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            retrying {
                unsafe Glibc.pwrite(descriptor, buffer.baseAddress, buffer.count, offset)
            }
        }
        guard count >= 0 else { throw SystemError("write", path, errno: errno) }
        return count
    }

    /// `posix_fallocate`, which on file systems without it writes a byte to each block instead.
    static func allocate(
        _ descriptor: Int32, _ byteCount: Int, _ path: String
    ) throws(SystemError) {
        var code = EINTR
        while code == EINTR { code = posix_fallocate(descriptor, 0, byteCount) }
        guard code == 0 else { throw SystemError("fallocate", path, errno: code) }
    }

    static func truncate(
        _ descriptor: Int32, _ byteCount: Int, _ path: String
    ) throws(SystemError) {
        guard retrying({ ftruncate(descriptor, byteCount) }) == 0 else {
            throw SystemError("truncate", path, errno: errno)
        }
    }

    static func nextData(
        _ descriptor: Int32, _ offset: Int, _ path: String
    ) throws(SystemError) -> Range<Int>? {
        // Source: lseek(2). Glibc's module does not have the two names.
        let seekData: Int32 = 3
        let seekHole: Int32 = 4
        let start = lseek(descriptor, offset, seekData)
        if start < 0 {
            if errno == ENXIO { return nil }
            if errno != EINVAL { throw SystemError("seek", path, errno: errno) }
            // No holes known here: all of it may be data.
            let end = try byteCount(descriptor, path)
            return offset < end ? offset..<end : nil
        }
        let end = lseek(descriptor, start, seekHole)
        guard end > start else { throw SystemError("seek", path, errno: errno) }
        return start..<end
    }

    static func fdatasync(_ descriptor: Int32, _ path: String) throws(SystemError) {
        guard retrying({ Glibc.fdatasync(descriptor) }) == 0 else {
            throw SystemError("fdatasync", path, errno: errno)
        }
    }

    static func fsync(_ descriptor: Int32, _ path: String) throws(SystemError) {
        guard retrying({ Glibc.fsync(descriptor) }) == 0 else {
            throw SystemError("fsync", path, errno: errno)
        }
    }

    // MARK: Locks

    /// False when another open file has the lock.
    static func lock(_ descriptor: Int32, _ path: String) throws(SystemError) -> Bool {
        if retrying({ flock(descriptor, LOCK_EX | LOCK_NB) }) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw SystemError("flock", path, errno: errno)
    }

    static func unlock(_ descriptor: Int32) { _ = flock(descriptor, LOCK_UN) }

    // MARK: This process

    /// What the system calls an errno.
    static func message(_ errno: Int32) -> String {
        // A C string that stays valid at least until the next call on this thread.
        unsafe String(cString: strerror(errno))
    }

    static func writeToStandardError(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// Again while a signal interrupts.
    private static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
