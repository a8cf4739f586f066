import Glibc
import Platform
import Storage
import TemporaryFolders
import Testing

/// A folder belongs to one server, of a version that knows its format.
@Suite struct DataFolderTests {
    let folder = TemporaryFolder()

    private func files() throws -> [String] {
        try LocalFileSystem().list(folder.path).sorted()
    }

    private func write(_ text: String, to name: String) throws {
        let file = try LocalFileSystem().open(folder.path + "/" + name, .create)
        let bytes = Array(text.utf8)
        try file.writeFully(bytes.span.bytes, at: 0)
    }

    @Test func `a second server is told which process has the folder`() throws {
        let (log, _, _) = try open(folder.path)
        #expect(throws: StorageError.inUse(path: folder.path, process: getpid())) {
            try WriteAheadLog(directory: folder.path)
        }
        let position = try log.append(header(0), [1, 2, 3])
        #expect(log.flush())
        #expect(try log.read(position, byteCount: 3) == [1, 2, 3])
        log.close()
        let (again, frames, _) = try open(folder.path)
        #expect(frames.count == 1)
        again.close()
    }

    @Test func `a folder of a newer version is left as it is`() throws {
        try write("duolog data folder\nformat 3\nsomething else\n", to: "format")
        #expect(
            throws: StorageError.newerFormat(path: folder.path, found: 3, supported: 2)
        ) { try WriteAheadLog(directory: folder.path) }
        #expect(try files() == ["format"])
    }

    @Test(arguments: [
        "", "duolog data folder\n", "duolog data folder\nformat x\n", "something\nformat 1\n",
        "duolog data folder\nformat 0\nid 00112233445566778899aabbccddeeff\n",
        "duolog data folder\nformat 1\n", "duolog data folder\nformat 1\nid 00\n",
        "duolog data folder\nformat 1\nid 0011223344556677-899aabbccddeeff\n",
        "duolog data folder\nformat 1\nid 00112233445566778899aabbccddeegg\n",
    ])
    func `a format file that says nothing is refused and nothing is touched`(text: String) throws {
        try write(text, to: "format")
        #expect { try WriteAheadLog(directory: folder.path) } throws: { error in
            if case StorageError.notADataFolder(let path, _) = error {
                return path == folder.path + "/format"
            }
            return false
        }
        #expect(try files() == ["format"])
    }

    @Test func `a log without its format file is not taken for a new folder`() throws {
        try open(folder.path).log.close()
        try LocalFileSystem().remove(folder.path + "/format")
        #expect { try WriteAheadLog(directory: folder.path) } throws: { error in
            if case StorageError.notADataFolder = error { return true }
            return false
        }
    }

    @Test(arguments: ["segments", "snapshots"])
    func `what was rolled up is not taken for a new folder either`(name: String) throws {
        try LocalFileSystem().createDirectory(folder.path + "/" + name)
        try write("something", to: name + "/a")
        #expect { try WriteAheadLog(directory: folder.path) } throws: { error in
            if case StorageError.notADataFolder = error { return true }
            return false
        }
        #expect(try files() == [name])
    }

    @Test func `an id that the log does not have is refused and nothing is touched`() throws {
        let (log, _, _) = try open(folder.path)
        _ = try log.append(header(0), [1, 2, 3])
        log.close()
        let format = try LocalFileSystem().open(folder.path + "/format", .readWrite)
        var bytes = try format.read(at: 0, byteCount: 100)
        let before = bytes
        let digit = bytes.count - 5
        bytes[digit] = bytes[digit] == 0x30 ? 0x31 : 0x30
        try format.writeFully(bytes.span.bytes, at: 0)
        for _ in 1...2 {
            #expect { try WriteAheadLog(directory: folder.path) } throws: { error in
                if case StorageError.notADataFolder(let path, _) = error {
                    return path == folder.path + "/format"
                }
                return false
            }
            #expect { try FolderInspection(directory: folder.path) } throws: { error in
                if case StorageError.notADataFolder = error { return true }
                return false
            }
        }
        try format.writeFully(before.span.bytes, at: 0)
        let (again, frames, _) = try open(folder.path)
        #expect(frames.count == 1)
        again.close()
    }

    @Test func `a log in which nothing verifies is kept beside and told`() throws {
        let (log, _, _) = try open(folder.path)
        _ = try log.append(header(0), [1, 2, 3])
        log.close()
        let name = try #require(LocalFileSystem().list(folder.path + "/wal").first)
        let rubbish = [UInt8](repeating: 0x55, count: 9000)
        let file = try LocalFileSystem().open(folder.path + "/wal/" + name, .readWrite)
        try file.writeFully(rubbish.span.bytes, at: 0)
        let (again, frames, report) = try open(folder.path)
        #expect(frames.isEmpty)
        #expect(report.damage.map(\.reason) == [.fileHeader])
        again.close()
        let kept = try LocalFileSystem().open(folder.path + "/wal/" + name + ".damaged", .readOnly)
        #expect(try kept.read(at: 0, byteCount: 10000) == rubbish)
    }

    @Test func `folders above are made where they are missing`() throws {
        let path = folder.path + "/a/b/c"
        try open(path).log.close()
        #expect(try LocalFileSystem().list(path).sorted() == ["duolog.lock", "format", "wal"])
    }

    @Test func `a path through a file is an error with its name`() throws {
        try write("x", to: "file")
        #expect { try WriteAheadLog(directory: folder.path + "/file/data") } throws: { error in
            if case StorageError.failed(let cause) = error { return cause.errno == ENOTDIR }
            return false
        }
        #expect { try WriteAheadLog(directory: folder.path + "/file") } throws: { error in
            if case StorageError.failed(let cause) = error { return cause.errno == ENOTDIR }
            return false
        }
    }
}
