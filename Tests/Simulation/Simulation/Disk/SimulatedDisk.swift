import Glibc
import Platform

/// A disk that loses what was not synced, tears, reorders, refuses and runs full, all from one seed.
///
/// It outlives the processes that use it: ``endProcess()`` is kill -9, ``losePower()`` a power cut;
/// handles and locks of before are dead afterwards. For one thread.
public final class SimulatedDisk: FileSystem, @unchecked Sendable {
    public var faults = DiskFaults()
    public var lie: Lie?
    /// All content together; nil for no limit.
    public var capacity: Int?
    /// The operation, counted from now, at which everything stops; nil for never.
    public var operationsUntilCrash: Int?
    /// Called before each operation: here others may do something in between.
    public var onOperation: (() -> Void)?
    public private(set) var isOff = false
    public private(set) var operationCount = 0

    let trace: Trace
    var random: SeededRandom
    var names = Names()
    private var folders: Set<String> = []
    private var locks: Set<String> = []
    private var inodeCount = 0
    var usedByteCount = 0
    private(set) var generation = 0

    public init(_ random: SeededRandom, trace: Trace) {
        self.random = random
        self.trace = trace
    }

    // MARK: The end of a process

    /// What was written stays, synced or not.
    public func endProcess() {
        restart()
        for inode in names.inodes { inode.evict(&random) }
    }

    /// What was not synced stays or goes, sector by sector and name by name.
    public func losePower() {
        restart()
        names.losePower(&random, inAnyOrder: faults.losesNamesInAnyOrder)
        for inode in names.inodes { inode.losePower(&random) }
        usedByteCount = names.inodes.reduce(0) { $0 + $1.current.count }
    }

    private func restart() {
        generation += 1
        locks = []
        isOff = false
        operationsUntilCrash = nil
        onOperation = nil
        trace.add(1, generation, 0, "--- the process has ended")
    }

    // MARK: Looking and damaging from outside

    public var paths: [String] { names.current.keys.sorted() }

    public func content(_ path: String) -> [UInt8]? { names.current[path]?.current }

    /// Flips the bits of `mask` on the device. Only while nothing is on its way there.
    public func flip(_ mask: UInt8, at offset: Int, in path: String) {
        trace.add(2, offset, Int(mask), "flip \(path) at \(offset)")
        names.current[path]!.damage(mask, at: offset)
    }

    /// Takes a file away, as a person or a file system check may. Only while nothing is on its way there.
    func lose(_ path: String) {
        trace.add(5, 0, 0, "lose \(path)")
        usedByteCount -= names.current[path]?.current.count ?? 0
        names.unlink(path)
        names.synchronize(folder: Names.folder(of: path))
    }

    // MARK: Operations

    /// Counts and records an operation, and lets it fail where the seed says so.
    func begin(
        _ name: StaticString, _ path: String, _ first: Int = 0, _ second: Int = 0,
        errorRate: Int = 0, errno code: Int32 = EIO, generation: Int? = nil
    ) throws(SystemError) {
        if let generation, generation != self.generation {
            throw SystemError("\(name)", path, errno: EBADF)
        }
        guard !isOff else { throw SystemError("\(name)", path, errno: EIO) }
        onOperation?()
        operationCount += 1
        if let left = operationsUntilCrash {
            operationsUntilCrash = left - 1
            isOff = left <= 1
        }
        trace.add(
            UInt64(name.utf8Start.pointee) << 8 | UInt64(name.utf8CodeUnitCount), first, second,
            "\(isOff ? "crash in " : "")\(name) \(path) \(first) \(second)")
        if isOff || random.oneIn(errorRate) {
            trace.add(3, Int(code), 0, "    fails")
            throw SystemError("\(name)", path, errno: isOff ? EIO : code)
        }
    }

    func makeInode() -> Inode {
        inodeCount += 1
        return Inode(number: inodeCount)
    }

    /// Takes room on the disk, or gives it back where the count is negative.
    func take(_ byteCount: Int, _ name: StaticString, _ path: String) throws(SystemError) {
        if byteCount > 0, let capacity, usedByteCount + byteCount > capacity {
            trace.add(4, byteCount, 0, "    no room")
            throw SystemError("\(name)", path, errno: ENOSPC)
        }
        usedByteCount += byteCount
    }

    public func createDirectory(_ path: String) throws(SystemError) {
        try begin("mkdir", path)
        folders.insert(path)
    }

    public func list(_ path: String) throws(SystemError) -> [String] {
        try begin("list", path, errorRate: faults.openError)
        guard folders.contains(path) else { throw SystemError("opendir", path, errno: ENOENT) }
        let files = names.current.keys.filter { $0.hasPrefix(path + "/") }
        let children = (Array(files) + folders.filter { $0.hasPrefix(path + "/") }).map {
            String($0.dropFirst(path.utf8.count + 1))
        }
        // In no order, but the same for the same seed.
        return Set(children.filter { !$0.contains("/") }).sorted().shuffled(using: &random)
    }

    public func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        try begin("open", path, errorRate: faults.openError, errno: EMFILE)
        if let inode = names.current[path] { return SimulatedFile(self, inode, path) }
        guard mode == .create else { throw SystemError("open", path, errno: ENOENT) }
        guard folders.contains(Names.folder(of: path)) else {
            throw SystemError("open", path, errno: ENOENT)
        }
        let inode = makeInode()
        names.link(path, inode)
        return SimulatedFile(self, inode, path)
    }

    public func remove(_ path: String) throws(SystemError) {
        try begin("unlink", path, errorRate: faults.nameError)
        guard let inode = names.current[path] else {
            throw SystemError("unlink", path, errno: ENOENT)
        }
        names.unlink(path)
        usedByteCount -= inode.current.count
    }

    public func rename(_ path: String, to newPath: String) throws(SystemError) {
        try begin("rename", path, errorRate: faults.nameError)
        guard names.current[path] != nil else { throw SystemError("rename", path, errno: ENOENT) }
        if let replaced = names.current[newPath] { usedByteCount -= replaced.current.count }
        names.rename(path, to: newPath)
    }

    public func synchronizeDirectory(_ path: String) throws(SystemError) {
        try begin("syncdir", path, errorRate: faults.syncError)
        guard folders.contains(path) else { throw SystemError("open", path, errno: ENOENT) }
        if lie != .folderSync { names.synchronize(folder: path) }
    }

    public func lock(_ path: String) throws(SystemError) -> FileLockOutcome {
        try begin("lock", path)
        if names.current[path] == nil { names.link(path, makeInode()) }
        guard locks.insert(path).inserted else { return .held(byProcess: 4711) }
        return .acquired(SimulatedLock(self, path))
    }

    fileprivate func unlock(_ path: String, _ generation: Int) {
        if generation == self.generation { locks.remove(path) }
    }
}

private final class SimulatedLock: FileLock, @unchecked Sendable {
    private let disk: SimulatedDisk
    private let path: String
    private let generation: Int

    init(_ disk: SimulatedDisk, _ path: String) {
        self.disk = disk
        self.path = path
        generation = disk.generation
    }

    func release() { disk.unlock(path, generation) }
}
