import Bytes
import Platform

/// The local disk, but syncs of open files wait while it is held.
final class HeldDisk: FileSystem {
    private let local = LocalFileSystem()
    private let monitor = Monitor()
    private let state = State()

    /// Touched with the monitor's lock held.
    private final class State: @unchecked Sendable {
        var isHeld = false
        var waitingCount = 0
    }

    func hold() { monitor.withLock { state.isHeld = true } }

    func release() {
        monitor.withLock {
            state.isHeld = false
            monitor.wakeAll()
        }
    }

    fileprivate func pass() {
        monitor.withLock {
            while state.isHeld { monitor.wait() }
        }
    }

    func createDirectory(_ path: String) throws(SystemError) { try local.createDirectory(path) }
    func list(_ path: String) throws(SystemError) -> [String] { try local.list(path) }
    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        HeldFile(try local.open(path, mode), on: self)
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

private final class HeldFile: FileHandle {
    private let file: any FileHandle
    private let disk: HeldDisk

    init(_ file: any FileHandle, on disk: HeldDisk) {
        self.file = file
        self.disk = disk
    }

    func byteCount() throws(SystemError) -> Int { try file.byteCount() }
    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try file.read(at: offset, into: &bytes)
    }
    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        try file.write(bytes, at: offset)
    }
    func reserve(byteCount: Int) throws(SystemError) { try file.reserve(byteCount: byteCount) }
    func truncate(byteCount: Int) throws(SystemError) { try file.truncate(byteCount: byteCount) }
    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        try file.nextData(from: offset)
    }
    func synchronize() throws(SystemError) {
        disk.pass()
        try file.synchronize()
    }
    var descriptor: Int32 { file.descriptor }
}
