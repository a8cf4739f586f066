import Bytes
import Glibc
import Model
import Platform
import Storage
import TemporaryFolders
import Testing

/// docs/formats/snapshot.md: state in files of its own, whole or not at all.
@Suite struct SnapshotTests {
    let disk = MemoryFileSystem()

    @Test(arguments: [0, 1, 4000, 262_144, 262_145, 1_500_000])
    func `what was saved comes back as it was, with its position`(byteCount: Int) throws {
        let store = try openStore(disk)
        try store.append(header(0), [1, 2, 3])
        let position = store.endPosition
        let bytes = payload(3, byteCount: byteCount)
        let told = Outcomes()
        store.snapshots.save("machine-7", position: position) { writer throws(StorageError) in
            try writer.append(bytes)
        } whenDone: {
            told.append($0)
        }
        store.wal.flush()
        store.runAll()
        #expect(told.results == [.success(byteCount)])
        store.close()

        let again = try openStore(disk)
        defer { again.close() }
        var reader = try #require(try again.snapshots.open("machine-7"))
        #expect(reader.position == position)
        var found: [UInt8] = []
        while let part = try reader.next() { found += part }
        #expect(found == bytes)
        #expect(try again.snapshots.names() == ["machine-7"])
    }

    @Test func `pieces and counted bytes come back in any mixture`() throws {
        let store = try openStore(disk)
        defer { store.close() }
        let sizes = [0, 1, 262_140, 3, 600_000, 7]
        store.snapshots.save("pieces", position: store.endPosition) { writer throws(StorageError) in
            try writer.append([9, 8])
            for size in sizes { try writer.append(piece: payload(size, byteCount: size)) }
        }
        store.runAll()
        var reader = try #require(try store.snapshots.open("pieces"))
        #expect(try reader.read(2) == [9, 8])
        for size in sizes { #expect(try reader.piece() == payload(size, byteCount: size)) }
        #expect(try reader.piece() == nil)
        #expect(throws: StorageError.self) { try reader.read(1) }
    }

    @Test func `a snapshot waits for the frames that it holds`() throws {
        let store = try openStore(disk)
        defer { store.close() }
        try store.append(header(0), [1])
        store.snapshots.save("early", position: store.endPosition) { writer throws(StorageError) in
            try writer.append([5])
        }
        store.runAll()
        #expect(try store.snapshots.open("early") == nil)
        store.wal.flush()
        store.runAll()
        #expect(try store.snapshots.open("early") != nil)
    }

    @Test func `a flipped bit anywhere is told when it is read, and so is every cut`() throws {
        let store = try openStore(disk)
        defer { store.close() }
        let bytes = payload(1, byteCount: 700)
        store.snapshots.save("s", position: store.endPosition) { writer throws(StorageError) in
            try writer.append(bytes)
        }
        store.runAll()
        let path = "/data/snapshots/s.snap"
        let whole = try #require(disk[path])
        for byte in whole.indices {
            var damaged = whole
            damaged[byte] ^= 1 << (byte % 8)
            disk[path] = damaged
            #expect(throws: StorageError.self, "byte \(byte)") { try readAll(store, "s") }
            disk[path] = Array(whole[..<byte])
            #expect(throws: StorageError.self, "cut at \(byte)") { try readAll(store, "s") }
        }
        disk[path] = whole + [0]
        #expect(throws: StorageError.self) { try readAll(store, "s") }
        disk[path] = whole
        #expect(try readAll(store, "s") == bytes)
        disk["/data/snapshots/t.snap"] = whole
        #expect(throws: StorageError.self) { try store.snapshots.open("t") }
    }

    @Test(arguments: 0..<60)
    func `after a crash at any moment the old snapshot is there or the new one`(
        seed: UInt64
    ) throws {
        let store = try openStore(disk)
        store.snapshots.save("s", position: store.endPosition) { writer throws(StorageError) in
            try writer.append(payload(1, byteCount: 5000))
        }
        store.runAll()
        try store.append(header(0), [1])
        store.wal.flush()
        disk.faults.changesUntilDeath = Int(seed % 12)
        store.snapshots.save("s", position: store.endPosition) { writer throws(StorageError) in
            try writer.append(payload(2, byteCount: 6000))
        }
        store.runAll()
        let crashed = disk.afterPowerLoss(seed: seed)
        disk.faults.changesUntilDeath = nil
        store.close()
        let again = try openStore(crashed)
        let found = try readAll(again, "s")
        #expect([payload(1, byteCount: 5000), payload(2, byteCount: 6000)].contains(found))
        #expect(!crashed.paths.contains { $0.hasSuffix(".new") })
        again.close()
    }

    @Test(arguments: ["write", "sync", "rename", "create", "space"])
    func `a snapshot that cannot be written is told, and the one before stays`(
        fault: String
    ) throws {
        let store = try openStore(disk)
        defer { store.close() }
        store.snapshots.save("s", position: store.endPosition) { writer throws(StorageError) in
            try writer.append([1])
        }
        store.runAll()
        disk.faults.pathPart = "/snapshots"
        switch fault {
        case "write": disk.faults.writeErrno = EIO
        case "sync": disk.faults.syncErrno = EIO
        case "rename": disk.faults.renameErrno = EIO
        case "create": disk.faults.createErrno = EIO
        default: disk.faults.freeByteCount = 1000
        }
        let told = Outcomes()
        store.snapshots.save("s", position: store.endPosition) { writer throws(StorageError) in
            try writer.append(payload(1, byteCount: 300_000))
        } whenDone: {
            told.append($0)
        }
        store.runAll()
        #expect(told.results.count == 1)
        guard case .failure(let error) = told.results.first else {
            Issue.record("\(told.results)")
            return
        }
        if fault == "space" {
            #expect("\(error)".contains("full"))
        } else {
            guard case .failed = error else {
                Issue.record("\(error)")
                return
            }
        }
        disk.faults = .init()
        #expect(try readAll(store, "s") == [1])
    }

    @Test func `the background thread does it by itself`() async throws {
        let folder = TemporaryFolder()
        let store = try LogStore(directory: folder.path)
        _ = try store.replay { _, _, _ in }
        let told = Outcomes()
        store.snapshots.save("s", position: store.endPosition) { writer throws(StorageError) in
            try writer.append([4, 2])
        } whenDone: {
            told.append($0)
        }
        for _ in 0..<200 where told.results.isEmpty {
            try await Task.sleep(for: .milliseconds(10))
            store.applyBackgroundWork()
        }
        #expect(told.results == [.success(2)])
        #expect(try readAll(store, "s") == [4, 2])
        store.close()
    }

    private func readAll(_ store: LogStore, _ name: String) throws -> [UInt8] {
        var reader = try #require(try store.snapshots.open(name))
        var bytes: [UInt8] = []
        while let part = try reader.next() { bytes += part }
        return bytes
    }
}

private final class Outcomes {
    private(set) var results: [Result<Int, StorageError>] = []
    func append(_ result: Result<Int, StorageError>) { results.append(result) }
}
