import Model
import Platform
import Storage
import Testing

/// What `duolog log verify` says of a folder in which nothing reads what is damaged, or nothing is left to read.
@Suite struct VerificationTests {
    let disk = MemoryFileSystem()

    /// - Returns: the segment file that was written last.
    private func rollUp() throws -> String {
        let store = try openStore(disk)
        var model = Model()
        var random = SeededRandom(33)
        for _ in 0..<900 { try model.append(to: store, &random, logCount: 4) }
        store.rollUpAll()
        store.close()
        return try #require(disk.paths.last { $0.hasSuffix(".seg") })
    }

    private func verify() throws -> FolderVerification {
        try FolderInspection(directory: "/data", fileSystem: disk).verify()
    }

    @Test func `each bit of a segment file's header, directory and footer counts`() throws {
        let path = try rollUp()
        #expect(try verify().isWhole)
        let whole = try #require(disk[path])
        for byte in [1, 13, 30, 60, whole.count - 140, whole.count - 60, whole.count - 2] {
            var damaged = whole
            damaged[byte] ^= 4
            disk[path] = damaged
            let found = try verify()
            #expect(found.damage.count == 1, "byte \(byte)")
            #expect(found.damage.first?.path == path)
            #expect(found.damage.first?.reason == (byte < 64 ? .fileHeader : .directory))
        }
        disk[path] = whole
        #expect(try verify().isWhole)
    }

    @Test func `a manifest that is gone is told, and the segments are read all the same`() throws {
        _ = try rollUp()
        let before = try verify()
        try giveUpFirstFile()
        disk["/data/segments/manifest"] = nil
        let found = try verify()
        #expect(found.damage.contains { $0.reason == .manifest })
        #expect(found.segmentCount > 0 && found.segmentCount <= before.segmentCount)
    }

    @Test func `a log that does not begin at its beginning needs a snapshot`() throws {
        _ = try rollUp()
        #expect(try verify().isWhole)
        try giveUpFirstFile()
        #expect(try verify().damage.contains { $0.reason == .missingSnapshots })
    }

    @Test func `segments alone need a snapshot`() throws {
        _ = try rollUp()
        for path in disk.paths where path.hasSuffix(".wal") { try disk.remove(path) }
        #expect(try verify().damage.contains { $0.reason == .missingSnapshots })
        let store = try LogStore(directory: "/data", options: storeOptions(disk))
        defer { store.close() }
        #expect(throws: StorageError.snapshotsLost(folder: "/data/snapshots", firstLogFile: nil)) {
            try store.requireBeginning()
        }
    }

    private func giveUpFirstFile() throws {
        let first = try #require(disk.paths.first { $0.hasSuffix(".wal") })
        try disk.remove(first)
    }

    @Test(arguments: [true, false])
    func `the file that the last one says follows is missed`(isEmpty: Bool) throws {
        let (log, _, _) = try open("/data", options(disk))
        var position = WALPosition.first
        while position.fileNumber < 3 {
            position = try log.append(header(Int64(log.appendedMark)), payload(1, byteCount: 9000))
            #expect(log.flush())
        }
        log.close()
        #expect(try verify().isWhole)
        if isEmpty { disk[logPath(3)] = [] } else { try disk.remove(logPath(3)) }
        let found = try verify()
        #expect(found.damage.map(\.path) == [logPath(3)])
        #expect(found.damage.map(\.reason) == [isEmpty ? .fileHeader : .missingFiles(through: 3)])
        let (again, _, report) = try open("/data", options(disk))
        #expect(report.damage == found.damage)
        again.close()
    }
}
