import Bytes
import Platform

/// The local disk, but syncs of open files wait while it is held: of all, or of those with a part of a path.
final class HeldDisk: FileSystem {
    private let local = LocalFileSystem()
    private let monitor = Monitor()
    private let state = State()

    /// Touched with the monitor's lock held.
    private final class State: @unchecked Sendable {
        var isHeld = false
        var part = ""
        var waitingCount = 0
    }

    func hold(_ part: String = "") {
        monitor.withLock {
            state.isHeld = true
            state.part = part
        }
    }

    /// How many syncs wait now.
    var waitingCount: Int { monitor.withLock { state.waitingCount } }

    func release() {
        monitor.withLock {
            state.isHeld = false
            monitor.wakeAll()
        }
    }

    fileprivate func pass(_ path: String) {
        monitor.withLock {
            state.waitingCount += 1
            while state.isHeld, state.part.isEmpty || path.contains(state.part) { monitor.wait() }
            state.waitingCount -= 1
        }
    }

    func createDirectory(_ path: String) throws(SystemError) { try local.createDirectory(path) }
    func list(_ path: String) throws(SystemError) -> [String] { try local.list(path) }
    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        HeldFile(try local.open(path, mode), path, on: self)
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
    private let path: String
    private let disk: HeldDisk

    init(_ file: any FileHandle, _ path: String, on disk: HeldDisk) {
        self.file = file
        self.path = path
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
        disk.pass(path)
        try file.synchronize()
    }
    var descriptor: Int32 { file.descriptor }
}
