import Bytes
import Glibc
import Platform

/// A disk in memory that loses, tears and refuses as told.
///
/// It knows which writes were synced. ``afterPowerLoss(seed:)`` is the disk after a crash in which
/// each sector of each write that was not synced may or may not have arrived; ``afterKill()`` the
/// disk after the process alone has ended.
final class MemoryFileSystem: FileSystem, @unchecked Sendable {
    struct Content {
        /// As the process sees it.
        var current: [UInt8] = []
        /// As it is after a power loss, but for `unsynced`.
        var durable: [UInt8] = []
        var unsynced: [(offset: Int, bytes: [UInt8])] = []
    }

    struct Faults {
        /// What may still be reserved; nil for no limit.
        var freeByteCount: Int?
        var writeErrno: Int32?
        var syncErrno: Int32?
        var readErrno: Int32?
        /// The most that one write takes.
        var writeByteCountLimit = Int.max
        /// Syncs wait while this is set.
        var isSyncHeld = false
        /// Writes of nothing but zeros wait while this is set.
        var areZerosHeld = false
    }

    private let monitor = Monitor()
    private var files: [String: Content] = [:]
    private var folders: Set<String> = []
    private var locks: Set<String> = []
    private var faultState = Faults()
    private var writes = 0
    private var syncs = 0

    var faults: Faults {
        get { monitor.withLock { faultState } }
        set {
            monitor.withLock {
                faultState = newValue
                monitor.wakeAll()
            }
        }
    }

    var syncCount: Int { monitor.withLock { syncs } }
    var writeCount: Int { monitor.withLock { writes } }

    /// What a file holds, for looking at and for damaging.
    subscript(path: String) -> [UInt8]? {
        get { monitor.withLock { files[path]?.current } }
        set {
            monitor.withLock {
                files[path] = newValue.map { Content(current: $0, durable: $0) }
            }
        }
    }

    var paths: [String] { monitor.withLock { files.keys.sorted() } }

    func afterKill() -> MemoryFileSystem {
        copy { Content(current: $0.current, durable: $0.durable, unsynced: $0.unsynced) }
    }

    func afterPowerLoss(seed: UInt64) -> MemoryFileSystem {
        var random = SeededRandom(seed)
        // Losing all, nothing, or any part: each is a case of its own.
        let odds = [0, 4, 8, 7, 1][Int(random.next() % 5)]
        return copy { content in
            var bytes = content.durable
            for write in content.unsynced {
                if bytes.count < write.offset + write.bytes.count {
                    bytes += repeatElement(0, count: write.offset + write.bytes.count - bytes.count)
                }
                var start = write.offset
                while start < write.offset + write.bytes.count {
                    let end = min((start / 512 + 1) * 512, write.offset + write.bytes.count)
                    if random.next() % 8 < odds {
                        bytes.replaceSubrange(
                            start..<end,
                            with: write.bytes[start - write.offset..<end - write.offset])
                    }
                    start = end
                }
            }
            return Content(current: bytes, durable: bytes)
        }
    }

    private func copy(_ change: (Content) -> Content) -> MemoryFileSystem {
        let other = MemoryFileSystem()
        monitor.withLock {
            other.files = Dictionary(
                uniqueKeysWithValues: files.sorted { $0.key < $1.key }.map { ($0, change($1)) })
            other.folders = folders
        }
        return other
    }

    // MARK: FileSystem

    func createDirectory(_ path: String) throws(SystemError) {
        monitor.withLock { _ = folders.insert(path) }
    }

    func list(_ path: String) throws(SystemError) -> [String] {
        try monitor.withLock { () throws(SystemError) in
            guard folders.contains(path) else { throw SystemError("opendir", path, errno: ENOENT) }
            return files.keys.filter { $0.hasPrefix(path + "/") }.map {
                String($0.dropFirst(path.count + 1))
            }
        }
    }

    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        try monitor.withLock { () throws(SystemError) in
            if files[path] == nil {
                guard mode == .create else { throw SystemError("open", path, errno: ENOENT) }
                files[path] = Content()
            }
        }
        return MemoryFile(self, path)
    }

    func remove(_ path: String) throws(SystemError) {
        monitor.withLock { files[path] = nil }
    }

    func rename(_ path: String, to newPath: String) throws(SystemError) {
        monitor.withLock { files[newPath] = files.removeValue(forKey: path) }
    }

    func synchronizeDirectory(_ path: String) throws(SystemError) {}

    func lock(_ path: String) throws(SystemError) -> FileLockOutcome {
        monitor.withLock {
            if files[path] == nil { files[path] = Content() }
            guard locks.insert(path).inserted else { return .held(byProcess: 4711) }
            return .acquired(MemoryLock(self, path))
        }
    }

    fileprivate func unlock(_ path: String) {
        monitor.withLock { _ = locks.remove(path) }
    }

    // MARK: Files

    fileprivate func withContent<Result>(
        _ path: String, _ body: (inout Content) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        try monitor.withLock { () throws(SystemError) in
            guard var content = files.removeValue(forKey: path) else {
                throw SystemError("use", path, errno: ENOENT)
            }
            defer { files[path] = content }
            return try body(&content)
        }
    }

    fileprivate func read(
        _ path: String, at offset: Int, into bytes: inout MutableRawSpan
    ) throws(SystemError) -> Int {
        let found = try withContent(path) { content throws(SystemError) in
            if let code = faultState.readErrno { throw SystemError("read", path, errno: code) }
            let end = min(offset + bytes.byteCount, content.current.count)
            return offset < end ? Array(content.current[offset..<end]) : []
        }
        bytes.copy(found.span.bytes)
        return found.count
    }

    fileprivate func write(
        _ path: String, _ bytes: RawSpan, at offset: Int
    ) throws(SystemError) -> Int {
        let all = Array(copying: bytes)
        if all.allSatisfy({ $0 == 0 }) {
            monitor.withLock { while faultState.areZerosHeld { monitor.wait() } }
        }
        return try withContent(path) { content throws(SystemError) in
            if let code = faultState.writeErrno { throw SystemError("write", path, errno: code) }
            writes += 1
            let part = Array(all.prefix(faultState.writeByteCountLimit))
            let end = offset + part.count
            if content.current.count < end {
                content.current += repeatElement(0, count: end - content.current.count)
            }
            content.current.replaceSubrange(offset..<end, with: part)
            content.unsynced.append((offset, part))
            return part.count
        }
    }

    fileprivate func reserve(_ path: String, _ byteCount: Int) throws(SystemError) {
        try withContent(path) { content throws(SystemError) in
            let more = byteCount - content.current.count
            guard more > 0 else { return }
            if let free = faultState.freeByteCount {
                guard more <= free else { throw SystemError("fallocate", path, errno: ENOSPC) }
                faultState.freeByteCount = free - more
            }
            content.current += repeatElement(0, count: more)
            content.durable += repeatElement(0, count: max(byteCount - content.durable.count, 0))
        }
    }

    fileprivate func truncate(_ path: String, _ byteCount: Int) throws(SystemError) {
        try withContent(path) { content throws(SystemError) in
            content.current = Array(content.current.prefix(byteCount))
            content.durable = Array(content.durable.prefix(byteCount))
            content.unsynced.removeAll { $0.offset + $0.bytes.count > byteCount }
        }
    }

    fileprivate func synchronize(_ path: String) throws(SystemError) {
        monitor.withLock {
            while faultState.isSyncHeld { monitor.wait() }
        }
        try withContent(path) { content throws(SystemError) in
            if let code = faultState.syncErrno { throw SystemError("fdatasync", path, errno: code) }
            syncs += 1
            for write in content.unsynced {
                let end = write.offset + write.bytes.count
                if content.durable.count < end {
                    content.durable += repeatElement(0, count: end - content.durable.count)
                }
                content.durable.replaceSubrange(write.offset..<end, with: write.bytes)
            }
            content.unsynced = []
        }
    }
}

private final class MemoryFile: FileHandle {
    private let fileSystem: MemoryFileSystem
    private let path: String
    let descriptor: Int32 = -1

    init(_ fileSystem: MemoryFileSystem, _ path: String) {
        self.fileSystem = fileSystem
        self.path = path
    }

    func byteCount() throws(SystemError) -> Int {
        try fileSystem.withContent(path) { content throws(SystemError) in content.current.count }
    }

    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try fileSystem.read(path, at: offset, into: &bytes)
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        try fileSystem.write(path, bytes, at: offset)
    }

    func reserve(byteCount: Int) throws(SystemError) { try fileSystem.reserve(path, byteCount) }

    func truncate(byteCount: Int) throws(SystemError) { try fileSystem.truncate(path, byteCount) }

    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        let end = try byteCount()
        return offset < end ? offset..<end : nil
    }

    func synchronize() throws(SystemError) { try fileSystem.synchronize(path) }
}

private final class MemoryLock: FileLock {
    private let fileSystem: MemoryFileSystem
    private let path: String

    init(_ fileSystem: MemoryFileSystem, _ path: String) {
        self.fileSystem = fileSystem
        self.path = path
    }

    func release() { fileSystem.unlock(path) }
}

/// The same numbers for the same seed. Source: SplitMix64, Steele, Lea, Flood (2014).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
