import Bytes
import Glibc
import Platform

/// The local disk, but it gives no more room to any file while it is full.
final class FullDisk: FileSystem {
    private let local = LocalFileSystem()
    private let monitor = Monitor()
    private let state = State()

    /// Touched with the monitor's lock held.
    private final class State: @unchecked Sendable {
        var isFull = false
    }

    var isFull: Bool {
        get { monitor.withLock { state.isFull } }
        set { monitor.withLock { state.isFull = newValue } }
    }

    fileprivate func checkRoom(_ operation: String) throws(SystemError) {
        if isFull { throw SystemError(operation, "a file", errno: ENOSPC) }
    }

    func createDirectory(_ path: String) throws(SystemError) { try local.createDirectory(path) }
    func list(_ path: String) throws(SystemError) -> [String] { try local.list(path) }
    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        FullDiskFile(try local.open(path, mode), on: self)
    }
    func remove(_ path: String) throws(SystemError) { try local.remove(path) }
    func rename(_ path: String, to newPath: String) throws(SystemError) {
        try local.rename(path, to: newPath)
    }
    func synchronizeDirectory(_ path: String) throws(SystemError) {
        try local.synchronizeDirectory(path)
    }
    func lock(_ path: String) throws(SystemError) -> FileLockOutcome { try local.lock(path) }
}

private final class FullDiskFile: FileHandle {
    private let file: any FileHandle
    private let disk: FullDisk

    init(_ file: any FileHandle, on disk: FullDisk) {
        self.file = file
        self.disk = disk
    }

    func byteCount() throws(SystemError) -> Int { try file.byteCount() }
    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try file.read(at: offset, into: &bytes)
    }
    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        if try offset + bytes.byteCount > file.byteCount() { try disk.checkRoom("write") }
        return try file.write(bytes, at: offset)
    }
    func reserve(byteCount: Int) throws(SystemError) {
        try disk.checkRoom("reserve")
        try file.reserve(byteCount: byteCount)
    }
    func truncate(byteCount: Int) throws(SystemError) { try file.truncate(byteCount: byteCount) }
    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        try file.nextData(from: offset)
    }
    func synchronize() throws(SystemError) { try file.synchronize() }
    var descriptor: Int32 { file.descriptor }
}
