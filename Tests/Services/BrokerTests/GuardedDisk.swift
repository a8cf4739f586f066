import Bytes
import Platform

/// The local disk, with a say before its files grow or are synced.
protocol GuardedDisk: FileSystem {
    /// Before the file of this path gets more room. An error is what becomes of the operation.
    func willGrow(_ operation: String, _ path: String) throws(SystemError)
    /// Before what an open file of this path holds is synced.
    func willSynchronize(_ path: String)
}

extension GuardedDisk {
    func willGrow(_ operation: String, _ path: String) throws(SystemError) {}
    func willSynchronize(_ path: String) {}

    private var local: LocalFileSystem { LocalFileSystem() }

    func createDirectory(_ path: String) throws(SystemError) { try local.createDirectory(path) }
    func list(_ path: String) throws(SystemError) -> [String] { try local.list(path) }
    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        GuardedFile(try local.open(path, mode), path, on: self)
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

private final class GuardedFile: FileHandle {
    private let file: any FileHandle
    private let path: String
    private let disk: any GuardedDisk

    init(_ file: any FileHandle, _ path: String, on disk: any GuardedDisk) {
        self.file = file
        self.path = path
        self.disk = disk
    }

    func byteCount() throws(SystemError) -> Int { try file.byteCount() }
    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try file.read(at: offset, into: &bytes)
    }
    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        if try offset + bytes.byteCount > file.byteCount() { try disk.willGrow("write", path) }
        return try file.write(bytes, at: offset)
    }
    func reserve(byteCount: Int) throws(SystemError) {
        try disk.willGrow("reserve", path)
        try file.reserve(byteCount: byteCount)
    }
    func truncate(byteCount: Int) throws(SystemError) { try file.truncate(byteCount: byteCount) }
    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        try file.nextData(from: offset)
    }
    func synchronize() throws(SystemError) {
        disk.willSynchronize(path)
        try file.synchronize()
    }
    var descriptor: Int32 { file.descriptor }
}
