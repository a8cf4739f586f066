import Bytes
public import Model
import Platform

/// Named pieces of state, each in a file of its own with checksums, replaced as a whole or not at
/// all: what machines remember so that a start need not replay everything.
///
///     <folder>/snapshots/<name>.snap
///
/// Each says up to which position of the write-ahead log it holds: frames before it are in it,
/// frames from it on are not. It is put in place only when all of those frames are durable, so a
/// snapshot never knows more than the log. One that is missing or damaged is reported, and the
/// caller falls back to a longer replay. The bytes are described in docs/formats/snapshot.md.
///
/// Used from one thread, as ``LogStore`` is.
public final class SnapshotStore {
    private let folder: String
    private let folderID: [UInt8]
    private let fileSystem: any FileSystem
    private let worker: StorageWorker
    /// The mark of the write-ahead log's end, now.
    private let appendedMark: () -> UInt64
    private var nextID: UInt64 = 0
    private var waiting: [UInt64: (Result<Int, StorageError>) -> Void] = [:]

    init(
        folder: String, folderID: [UInt8], fileSystem: any FileSystem, worker: StorageWorker,
        appendedMark: @escaping () -> UInt64
    ) {
        self.folder = folder
        self.folderID = folderID
        self.fileSystem = fileSystem
        self.worker = worker
        self.appendedMark = appendedMark
    }

    /// Writes a snapshot in the background; it takes the place of an older one of the name when it
    /// is whole and durable.
    ///
    /// - Parameters:
    ///   - name: 1 to 100 of `a`-`z`, `0`-`9`, `.`, `_`, `-`, not beginning with a dot.
    ///   - position: the end of the write-ahead log when the state was taken.
    ///   - encode: on the background thread; writes the state from what it captured.
    ///   - whenDone: on the caller's thread, from ``LogStore/applyBackgroundWork()``: how many bytes
    ///     the state has, or why it could not be written; the older snapshot is still there then.
    public func save(
        _ name: String, position: WALPosition,
        encode: @escaping @Sendable (SnapshotWriter) throws(StorageError) -> Void,
        whenDone: @escaping (Result<Int, StorageError>) -> Void = { _ in }
    ) {
        precondition(Self.isLegal(name), "snapshot name \(name)")
        nextID += 1
        waiting[nextID] = whenDone
        worker.add(
            SnapshotJob(
                id: nextID, path: path(name), name: name, position: position,
                mark: appendedMark(), encode))
    }

    /// Nil when there is none of that name.
    ///
    /// - Throws: `damaged`, `failed`. Also what is read later may throw that, so nothing of it
    ///   counts before all of it was read.
    public func open(_ name: String) throws(StorageError) -> SnapshotReader? {
        let path = path(name)
        let file = try SealedFileReader.open(path, folderID: folderID, on: fileSystem)
        guard let file else { return nil }
        guard file.header.name == name else { throw .damaged(path: path, offset: 48) }
        return SnapshotReader(file)
    }

    /// The names of all snapshots, damaged ones too, in order.
    public func names() throws(StorageError) -> [String] {
        let files: [String]
        do { files = try fileSystem.list(folder) } catch { throw .failed(error) }
        return files.filter { $0.hasSuffix(".snap") }.map { String($0.dropLast(5)) }
            .filter(Self.isLegal).sorted()
    }

    /// Takes a snapshot away at once; one that is not there is fine.
    public func remove(_ name: String) throws(StorageError) {
        do { try fileSystem.remove(path(name)) } catch {
            if !error.isMissing { throw .failed(error) }
        }
    }

    /// How many bytes all snapshots take.
    public func byteCount() throws(StorageError) -> Int {
        var sum = 0
        for name in try names() { sum += try byteCount(of: name) }
        return sum
    }

    private func byteCount(of name: String) throws(StorageError) -> Int {
        do throws(SystemError) {
            let file = try fileSystem.open(path(name), .readOnly)
            return try file.byteCount()
        } catch {
            if error.isMissing { return 0 }
            throw .failed(error)
        }
    }

    func finished(_ id: UInt64, _ result: Result<Int, StorageError>) {
        waiting.removeValue(forKey: id)?(result)
    }

    /// Takes away what a crash left half written.
    func removeUnfinished() throws(StorageError) {
        do throws(SystemError) {
            let files = try fileSystem.list(folder)
            for name in files where name.hasSuffix(".snap.new") {
                try fileSystem.remove(folder + "/" + name)
            }
        } catch { throw .failed(error) }
    }

    private func path(_ name: String) -> String { folder + "/" + name + ".snap" }

    static func isLegal(_ name: String) -> Bool {
        (1...SealedFile.maximumNameByteCount).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
                    || [0x2D, 0x2E, 0x5F].contains(byte)
            }
    }
}

/// Takes the bytes of a snapshot, of any number, and keeps a quarter of a MiB of them in memory.
public final class SnapshotWriter {
    private let file: SealedFileWriter

    init(_ file: SealedFileWriter) { self.file = file }

    public func append(_ bytes: RawSpan) throws(StorageError) { try file.append(bytes) }
    public func append(_ bytes: [UInt8]) throws(StorageError) {
        try file.append(bytes.span.bytes)
    }

    /// Adds bytes together with their number, for ``SnapshotReader/piece()``.
    public func append(piece bytes: [UInt8]) throws(StorageError) {
        var head = ByteWriter(capacity: 4)
        head.int(UInt32(bytes.count))
        try file.append(head.bytes.span.bytes)
        try file.append(bytes.span.bytes)
    }
}

/// Hands out the bytes of a snapshot in order, each verified before.
public struct SnapshotReader {
    private var file: SealedFileReader
    private var block: [UInt8] = []
    private var start = 0

    init(_ file: SealedFileReader) { self.file = file }

    public var name: String { file.header.name }
    /// The frames before it are in the snapshot.
    public var position: WALPosition { WALPosition(rawValue: file.header.position) }
    public var created: Timestamp { file.header.created }

    /// Some bytes more, at most 1 MiB; nil at the end, which says that nothing is missing.
    ///
    /// - Throws: `damaged`, `failed`.
    public mutating func next() throws(StorageError) -> [UInt8]? {
        if start == block.count { return try file.next() }
        let rest = Array(block[start...])
        block = []
        start = 0
        return rest
    }

    /// Exactly so many bytes.
    ///
    /// - Throws: `damaged` where the snapshot has fewer, `failed`.
    public mutating func read(_ count: Int) throws(StorageError) -> [UInt8] {
        guard count >= 0, count <= file.fileByteCount else { throw damaged }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            if start == block.count {
                guard let more = try file.next() else { throw damaged }
                block = more
                start = 0
            }
            let part = block[start..<min(block.count, start + count - bytes.count)]
            bytes += part
            start += part.count
        }
        return bytes
    }

    /// The bytes of one ``SnapshotWriter/append(piece:)``; nil at the end.
    ///
    /// - Throws: as ``read(_:)``.
    public mutating func piece() throws(StorageError) -> [UInt8]? {
        if start == block.count {
            guard let more = try file.next() else { return nil }
            block = more
            start = 0
        }
        let count = try read(4)
        return try read(Int(count.span.bytes.int(at: 0, as: UInt32.self)))
    }

    private var damaged: StorageError { .damaged(path: file.path, offset: 0) }
}
