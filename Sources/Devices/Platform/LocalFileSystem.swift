import CPlatform
import Glibc

/// The files of this machine, by plain system calls.
public struct LocalFileSystem: FileSystem {
    public init() {}

    public func createDirectory(_ path: String) throws(SystemError) {
        try Syscalls.makeDirectories(path)
    }

    public func list(_ path: String) throws(SystemError) -> [String] {
        try Syscalls.list(path)
    }

    public func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        let flags =
            switch mode {
            case .readOnly: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT
            }
        if mode == .create { CrashPoint.before(.create, path) }
        let file = LocalFile(path: path, descriptor: try Syscalls.open(path, flags))
        if mode == .create { CrashPoint.after(.create, path) }
        return file
    }

    public func remove(_ path: String) throws(SystemError) {
        CrashPoint.before(.remove, path)
        try Syscalls.unlink(path)
        CrashPoint.after(.remove, path)
    }

    public func rename(_ path: String, to newPath: String) throws(SystemError) {
        CrashPoint.before(.rename, newPath)
        try Syscalls.rename(path, newPath)
        CrashPoint.after(.rename, newPath)
    }

    public func synchronizeDirectory(_ path: String) throws(SystemError) {
        let descriptor = try Syscalls.open(path, O_RDONLY | O_DIRECTORY)
        defer { Syscalls.close(descriptor) }
        CrashPoint.before(.syncdir, path)
        try Syscalls.fsync(descriptor, path)
        CrashPoint.after(.syncdir, path)
    }

    public func lock(_ path: String) throws(SystemError) -> FileLockOutcome {
        let descriptor = try Syscalls.open(path, O_RDWR | O_CREAT)
        let file = LocalFile(path: path, descriptor: descriptor)
        guard try Syscalls.lock(descriptor, path) else {
            let text = String(decoding: try file.read(at: 0, byteCount: 20), as: UTF8.self)
            return .held(byProcess: Int32(text.prefix { $0.isNumber }))
        }
        // The number is for people; a full disk must not keep the server from starting.
        try? file.truncate(byteCount: 0)
        let text = Array("\(getpid())\n".utf8)
        try? file.writeFully(text.span.bytes, at: 0)
        return .acquired(LocalLock(file))
    }
}

final class LocalFile: FileHandle {
    let path: String
    let descriptor: Int32

    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { Syscalls.close(descriptor) }

    func byteCount() throws(SystemError) -> Int { try Syscalls.byteCount(descriptor, path) }

    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try Syscalls.pread(descriptor, &bytes, offset, path)
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        CrashPoint.before(.write, path)
        let count = try Syscalls.pwrite(descriptor, bytes, offset, path)
        CrashPoint.after(.write, path)
        return count
    }

    func reserve(byteCount: Int) throws(SystemError) {
        let before = try self.byteCount()
        do {
            try Syscalls.allocate(descriptor, byteCount, path)
        } catch {
            // Some file systems keep what they found before there was no more.
            try? Syscalls.truncate(descriptor, before, path)
            throw error
        }
    }

    func truncate(byteCount: Int) throws(SystemError) {
        try Syscalls.truncate(descriptor, byteCount, path)
    }

    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        try Syscalls.nextData(descriptor, offset, path)
    }

    func startWriting(_ range: Range<Int>) {
        // Where it is not possible, the sync takes longer.
        _ = duolog_start_writing(descriptor, Int64(range.lowerBound), Int64(range.count))
    }

    func synchronize() throws(SystemError) {
        CrashPoint.before(.sync, path)
        try Syscalls.fdatasync(descriptor, path)
        CrashPoint.after(.sync, path)
    }
}

/// Holds the lock by holding the open file.
final class LocalLock: FileLock {
    private let file: LocalFile

    init(_ file: LocalFile) { self.file = file }

    func release() { Syscalls.unlock(file.descriptor) }
}
