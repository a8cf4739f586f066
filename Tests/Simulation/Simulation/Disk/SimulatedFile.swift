import Bytes
import Glibc
import Platform

/// An open file of a ``SimulatedDisk``. It stays readable when its name goes, and dies with its
/// process.
final class SimulatedFile: FileHandle, @unchecked Sendable {
    private let disk: SimulatedDisk
    private let inode: Inode
    private let path: String
    private let generation: Int
    let descriptor: Int32 = -1

    init(_ disk: SimulatedDisk, _ inode: Inode, _ path: String) {
        self.disk = disk
        self.inode = inode
        self.path = path
        generation = disk.generation
    }

    func byteCount() throws(SystemError) -> Int {
        try disk.begin("fstat", path, generation: generation)
        return inode.current.count
    }

    func read(at offset: Int, into bytes: inout MutableRawSpan) throws(SystemError) -> Int {
        try disk.begin(
            "read", path, offset, bytes.byteCount, errorRate: disk.faults.readError,
            generation: generation)
        var count = min(bytes.byteCount, max(inode.current.count - offset, 0))
        if count == 0 { return 0 }
        if count > 1, disk.random.oneIn(disk.faults.shortRead) {
            count = 1 + disk.random.below(count - 1)
        }
        let content = inode.current
        bytes.copy(content.span.bytes.extracting(offset..<offset + count))
        return count
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) -> Int {
        var all = Array(copying: bytes)
        do throws(SystemError) {
            try disk.begin(
                "write", path, offset, Int(crc32c(bytes)), errorRate: disk.faults.writeError,
                generation: generation)
        } catch {
            // When the power goes in the middle of a write, a part of it may be in the page cache.
            if disk.isOff, generation == disk.generation {
                let part = disk.random.below(all.count + 1)
                if offset + part <= inode.current.count { inode.write(all[..<part], at: offset) }
            }
            throw error
        }
        var count = all.count
        if count > 1, disk.random.oneIn(disk.faults.shortWrite) {
            count = 1 + disk.random.below(count - 1)
        }
        let growth = max(offset + count - inode.current.count, 0)
        if growth > 0 { try disk.take(growth, "write", path) }
        switch disk.lie {
        case .droppedWrite where disk.random.oneIn(20):
            return count
        case .misdirectedWrite where disk.random.oneIn(20) && offset >= 512:
            inode.write(all[..<count], at: offset - 512)
            return count
        case .flippedBit where disk.random.oneIn(20) && count > 0:
            all[disk.random.below(count)] ^= 1
        default: break
        }
        inode.write(all[..<count], at: offset)
        return count
    }

    func reserve(byteCount: Int) throws(SystemError) {
        try disk.begin("fallocate", path, byteCount, generation: generation)
        let growth = byteCount - inode.current.count
        guard growth > 0 else { return }
        try disk.take(growth, "fallocate", path)
        inode.resize(byteCount)
    }

    func truncate(byteCount: Int) throws(SystemError) {
        try disk.begin("truncate", path, byteCount, generation: generation)
        try disk.take(byteCount - inode.current.count, "truncate", path)
        inode.resize(byteCount)
    }

    func nextData(from offset: Int) throws(SystemError) -> Range<Int>? {
        try disk.begin("seek", path, offset, generation: generation)
        return offset < inode.current.count ? offset..<inode.current.count : nil
    }

    func synchronize() throws(SystemError) {
        do throws(SystemError) {
            try disk.begin(
                "fdatasync", path, errorRate: disk.faults.syncError, generation: generation)
        } catch {
            if !disk.isOff, generation == disk.generation { inode.synchronizeBadly(&disk.random) }
            throw error
        }
        switch disk.lie {
        case .logSync where path.hasSuffix(".wal"): return
        case .otherSync where !path.hasSuffix(".wal"): return
        default: inode.synchronize()
        }
    }
}
