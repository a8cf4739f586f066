import Bytes
import Glibc
import Platform

/// A disk in memory that loses, tears and refuses as told.
///
/// It knows which writes were synced, and which names. ``afterPowerLoss(seed:)`` is the disk after a
/// crash in which each sector of each write that was not synced may or may not have arrived, and
/// of the names that were made, changed and removed since their folder was synced, in order, only
/// the first few have; ``afterKill()`` the disk after the process alone has ended.
final class MemoryFileSystem: FileSystem, @unchecked Sendable {
    struct Content {
        /// As the process sees it.
        var current: [UInt8] = []
        /// As it is after a power loss, but for `unsynced`.
        var durable: [UInt8] = []
        var unsynced: [(offset: Int, bytes: [UInt8])] = []
    }

    /// A file, whatever it is called and whether it still has a name.
    fileprivate final class Node {
        var content: Content
        /// What counts against the free space.
        var reserved = 0

        init(_ content: Content = Content()) { self.content = content }
    }

    struct Faults {
        /// What may still be reserved or written; nil for no limit.
        var freeByteCount: Int?
        var writeErrno: Int32?
        var syncErrno: Int32?
        var readErrno: Int32?
        var renameErrno: Int32?
        var removeErrno: Int32?
        var createErrno: Int32?
        /// The errors above are for paths that contain this.
        var pathPart = ""
        /// After so many changes more nothing changes any more, as if the process had died.
        var changesUntilDeath: Int?
        /// The most that one write takes.
        var writeByteCountLimit = Int.max
        /// Syncs wait while this is set.
        var isSyncHeld = false
        /// Writes of nothing but zeros wait while this is set.
        var areZerosHeld = false
    }

    private enum NameChange {
        case add(String, Node)
        case remove(String)
    }

    private let monitor = Monitor()
    private var names: [String: Node] = [:]
    private var durableNames: [String: Node] = [:]
    private var unsyncedNames: [NameChange] = []
    private var folders: Set<String> = []
    private var locks: Set<String> = []
    private var faultState = Faults()
    private var writes = 0
    private var syncs = 0
    private var changes = 0
    private var written = 0

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
    /// Writes, syncs, reservations, new names and removed ones.
    var changeCount: Int { monitor.withLock { changes } }
    var writtenByteCount: Int { monitor.withLock { written } }

    /// What a file holds, for looking at and for damaging.
    subscript(path: String) -> [UInt8]? {
        get { monitor.withLock { names[path]?.content.current } }
        set {
            monitor.withLock {
                let node = newValue.map { Node(Content(current: $0, durable: $0)) }
                names[path] = node
                durableNames[path] = node
            }
        }
    }

    var paths: [String] { monitor.withLock { names.keys.sorted() } }

    func afterKill() -> MemoryFileSystem {
        let other = MemoryFileSystem()
        monitor.withLock {
            var copies: [ObjectIdentifier: Node] = [:]
            func copy(_ node: Node) -> Node {
                if let known = copies[ObjectIdentifier(node)] { return known }
                let copy = Node(node.content)
                copies[ObjectIdentifier(node)] = copy
                return copy
            }
            other.names = names.mapValues(copy)
            other.durableNames = durableNames.mapValues(copy)
            other.unsyncedNames = unsyncedNames.map {
                if case .add(let path, let node) = $0 { .add(path, copy(node)) } else { $0 }
            }
            other.folders = folders
        }
        return other
    }

    func afterPowerLoss(seed: UInt64) -> MemoryFileSystem {
        var random = SeededRandom(seed)
        // Losing all, nothing, or any part: each is a case of its own.
        let odds = [0, 4, 8, 7, 1][Int(random.next() % 5)]
        let other = MemoryFileSystem()
        monitor.withLock {
            var survivors = durableNames
            for change in unsyncedNames.prefix(Int(random.next() % UInt64(unsyncedNames.count + 1))) {
                switch change {
                case .add(let path, let node): survivors[path] = node
                case .remove(let path): survivors[path] = nil
                }
            }
            for (path, node) in survivors.sorted(by: { $0.key < $1.key }) {
                let bytes = Self.torn(node.content, odds: UInt64(odds), &random)
                let left = Node(Content(current: bytes, durable: bytes))
                other.names[path] = left
                other.durableNames[path] = left
            }
            other.folders = folders
        }
        return other
    }

    private static func torn(
        _ content: Content, odds: UInt64, _ random: inout SeededRandom
    ) -> [UInt8] {
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
        return bytes
    }

    // MARK: FileSystem

    func createDirectory(_ path: String) throws(SystemError) {
        monitor.withLock { _ = folders.insert(path) }
    }

    func list(_ path: String) throws(SystemError) -> [String] {
        try monitor.withLock { () throws(SystemError) in
            guard folders.contains(path) else { throw SystemError("opendir", path, errno: ENOENT) }
            return names.keys.filter { $0.hasPrefix(path + "/") }.map {
                String($0.dropFirst(path.count + 1))
            }.filter { !$0.contains("/") }.sorted()
        }
    }

    func open(_ path: String, _ mode: FileOpenMode) throws(SystemError) -> any FileHandle {
        try monitor.withLock { () throws(SystemError) in
            if let node = names[path] { return MemoryFile(self, path, node) }
            guard mode == .create else { throw SystemError("open", path, errno: ENOENT) }
            try fail(faultState.createErrno, "open", path)
            try spend(path)
            let node = Node()
            names[path] = node
            unsyncedNames.append(.add(path, node))
            return MemoryFile(self, path, node)
        }
    }

    func remove(_ path: String) throws(SystemError) {
        try monitor.withLock { () throws(SystemError) in
            try fail(faultState.removeErrno, "unlink", path)
            try spend(path)
            guard let node = names.removeValue(forKey: path) else {
                throw SystemError("unlink", path, errno: ENOENT)
            }
            give(back: node)
            unsyncedNames.append(.remove(path))
        }
    }

    func rename(_ path: String, to newPath: String) throws(SystemError) {
        try monitor.withLock { () throws(SystemError) in
            try fail(faultState.renameErrno, "rename", path)
            try spend(path)
            guard let node = names.removeValue(forKey: path) else {
                throw SystemError("rename", path, errno: ENOENT)
            }
            if let replaced = names[newPath] { give(back: replaced) }
            names[newPath] = node
            // One change to the folder: never both names, never none.
            unsyncedNames.append(.add(newPath, node))
            unsyncedNames.append(.remove(path))
        }
    }

    func synchronizeDirectory(_ path: String) throws(SystemError) {
        try monitor.withLock { () throws(SystemError) in
            try fail(faultState.syncErrno, "fsync", path)
            try spend(path)
            for change in unsyncedNames {
                switch change {
                case .add(let path, let node): durableNames[path] = node
                case .remove(let path): durableNames[path] = nil
                }
            }
            unsyncedNames = []
        }
    }

    func lock(_ path: String) throws(SystemError) -> FileLockOutcome {
        monitor.withLock {
            if names[path] == nil {
                let node = Node()
                names[path] = node
                durableNames[path] = node
            }
            guard locks.insert(path).inserted else { return .held(byProcess: 4711) }
            return .acquired(MemoryLock(self, path))
        }
    }

    fileprivate func unlock(_ path: String) {
        monitor.withLock { _ = locks.remove(path) }
    }

    // MARK: Faults, with the lock held

    private func fail(
        _ errno: Int32?, _ operation: String, _ path: String
    ) throws(SystemError) {
        guard let errno, faultState.pathPart.isEmpty || path.contains(faultState.pathPart) else {
            return
        }
        throw SystemError(operation, path, errno: errno)
    }

    private func spend(_ path: String) throws(SystemError) {
        if let left = faultState.changesUntilDeath {
            guard left > 0 else { throw SystemError("change", path, errno: EIO) }
            faultState.changesUntilDeath = left - 1
        }
        changes += 1
    }

    /// Takes free space for a file that grows to `byteCount`.
    private func take(
        _ byteCount: Int, for node: Node, _ operation: String, _ path: String
    ) throws(SystemError) {
        let more = byteCount - max(node.reserved, node.content.current.count)
        guard more > 0 else { return }
        if let free = faultState.freeByteCount {
            guard more <= free else { throw SystemError(operation, path, errno: ENOSPC) }
            faultState.freeByteCount = free - more
        }
        node.reserved = byteCount
    }

    private func give(back node: Node) {
        guard let free = faultState.freeByteCount else { return }
        faultState.freeByteCount = free + node.content.current.count
    }

    // MARK: Files

    fileprivate func byteCount(_ node: Node) -> Int {
        monitor.withLock { node.content.current.count }
    }

    fileprivate func read(
        _ path: String, _ node: Node, at offset: Int, into bytes: inout MutableRawSpan
    ) throws(SystemError) -> Int {
        let wanted = bytes.byteCount
        let found = try monitor.withLock { () throws(SystemError) in
            try fail(faultState.readErrno, "read", path)
            let end = min(offset + wanted, node.content.current.count)
            return offset < end ? Array(node.content.current[offset..<end]) : []
        }
        bytes.copy(found.span.bytes)
        return found.count
    }

    fileprivate func write(
        _ path: String, _ node: Node, _ bytes: RawSpan, at offset: Int
    ) throws(SystemError) -> Int {
        let all = Array(copying: bytes)
        if all.allSatisfy({ $0 == 0 }) {
            monitor.withLock { while faultState.areZerosHeld { monitor.wait() } }
        }
        return try monitor.withLock { () throws(SystemError) in
            try fail(faultState.writeErrno, "write", path)
            try spend(path)
            let part = Array(all.prefix(faultState.writeByteCountLimit))
            let end = offset + part.count
            try take(end, for: node, "write", path)
            writes += 1
            written += part.count
            if node.content.current.count < end {
                node.content.current += repeatElement(0, count: end - node.content.current.count)
            }
            node.content.current.replaceSubrange(offset..<end, with: part)
            node.content.unsynced.append((offset, part))
            return part.count
        }
    }

    fileprivate func reserve(
        _ path: String, _ node: Node, _ byteCount: Int
    ) throws(SystemError) {
        try monitor.withLock { () throws(SystemError) in
            try take(byteCount, for: node, "fallocate", path)
            try spend(path)
            let more = byteCount - node.content.current.count
            if more > 0 { node.content.current += repeatElement(0, count: more) }
            let missing = byteCount - node.content.durable.count
            if missing > 0 { node.content.durable += repeatElement(0, count: missing) }
        }
    }

    fileprivate func truncate(
        _ path: String, _ node: Node, _ byteCount: Int
    ) throws(SystemError) {
        try monitor.withLock { () throws(SystemError) in
            try spend(path)
            node.reserved = min(node.reserved, byteCount)
            node.content.current = Array(node.content.current.prefix(byteCount))
            node.content.durable = Array(node.content.durable.prefix(byteCount))
            node.content.unsynced.removeAll { $0.offset + $0.bytes.count > byteCount }
        }
    }

    fileprivate func synchronize(_ path: String, _ node: Node) throws(SystemError) {
        monitor.withLock {
            while faultState.isSyncHeld { monitor.wait() }
        }
        try monitor.withLock { () throws(SystemError) in
            try fail(faultState.syncErrno, "fdatasync", path)
            try spend(path)
            syncs += 1
            for write in node.content.unsynced {
                let end = write.offset + write.bytes.count
                if node.content.durable.count < end {
                    node.content.durable += repeatElement(
                        0, count: end - node.content.durable.count)
                }
                node.content.durable.replaceSubrange(write.offset..<end, with: write.bytes)
            }
            node.content.unsynced = []
        }
    }
}

private final class MemoryFile: FileHandle, @unchecked Sendable {
    private let fileSystem: MemoryFileSystem
    private let path: String
    private let node: MemoryFileSystem.Node
    let descriptor: Int32 = -1

    init(_ fileSystem: MemoryFileSystem, _ path: String, _ node: MemoryFileSystem.Node) {
        self.fileSystem = fileSystem
        self.path = path
        self.node = node
    }

    func byteCount() throws(SystemError) -> Int { fileSystem.byteCount(node) }

    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try fileSystem.read(path, node, at: offset, into: &bytes)
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        try fileSystem.write(path, node, bytes, at: offset)
    }

    func reserve(byteCount: Int) throws(SystemError) {
        try fileSystem.reserve(path, node, byteCount)
    }

    func truncate(byteCount: Int) throws(SystemError) {
        try fileSystem.truncate(path, node, byteCount)
    }

    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        let end = try byteCount()
        return offset < end ? offset..<end : nil
    }

    func synchronize() throws(SystemError) { try fileSystem.synchronize(path, node) }
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
