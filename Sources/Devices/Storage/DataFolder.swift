import Bytes
import Platform

/// A data folder that belongs to this process: locked, and of a format that this version knows.
///
///     <path>/duolog.lock   flock'ed while a server runs; holds its process id, for people
///     <path>/format        three lines: "duolog data folder", "format 2", "id <32 hex digits>"
///     <path>/wal/          the write-ahead log, see docs/formats/wal.md
///     <path>/segments/     what was rolled up, see docs/formats/segment.md and manifest.md
///     <path>/snapshots/    see docs/formats/snapshot.md
///
/// Format 1 had the write-ahead log alone, and no used files in it. It is taken up as it is, and
/// from then on the folder is of format 2, which a server of that time refuses.
///
/// The id is random and seeds every checksum in the folder, so that no file of another folder
/// passes for one of ours.
struct DataFolder: Sendable {
    static let formatVersion = 2

    let path: String
    let id: [UInt8]
    private let lock: any FileLock

    var walPath: String { path + "/wal" }

    /// Locks the folder; makes it first where it is missing.
    ///
    /// - Parameter newID: makes the 16 bytes of the id of a folder that has none.
    /// - Throws: `inUse`, `newerFormat` and `notADataFolder` before anything is written; `failed`,
    /// `storageFull`.
    init(
        opening path: String, on fileSystem: any FileSystem, newID: () -> [UInt8]
    ) throws(StorageError) {
        self.path = path
        try Self.attempt { () throws(SystemError) in try fileSystem.createDirectory(path) }
        // Looked at before the lock file is made, so that a folder of a newer version stays as it
        // is.
        _ = try Self.read(path, fileSystem)
        let outcome = try Self.attempt { () throws(SystemError) in
            try fileSystem.lock(path + "/duolog.lock")
        }
        switch outcome {
        case .held(let process): throw .inUse(path: path, process: process)
        case .acquired(let lock): self.lock = lock
        }
        let known = try Self.read(path, fileSystem)
        let id = known?.id ?? newID()
        self.id = id
        if known?.version != Self.formatVersion {
            try Self.attempt { () throws(SystemError) in
                try Self.writeID(id, path, fileSystem)
            }
        }
        try Self.attempt { () throws(SystemError) in
            try fileSystem.createDirectory(path + "/wal")
            try fileSystem.synchronizeDirectory(path)
        }
    }

    func release() { lock.release() }

    // MARK: The format file

    /// Nil in a folder that has none and no log either.
    static func read(
        _ path: String, _ fileSystem: any FileSystem
    ) throws(StorageError) -> (id: [UInt8], version: Int)? {
        let formatPath = path + "/format"
        let bytes: [UInt8]
        do {
            let file = try fileSystem.open(formatPath, .readOnly)
            bytes = try file.read(at: 0, byteCount: 4096)
        } catch {
            guard error.isMissing else { throw .failed(error) }
            for name in ["wal", "segments", "snapshots"] {
                let files = (try? fileSystem.list(path + "/" + name)) ?? []
                guard files.isEmpty else {
                    throw .notADataFolder(
                        path: formatPath, reason: "is missing, but there are files in \(path)/\(name)")
                }
            }
            return nil
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.count >= 2, lines[0] == "duolog data folder", lines[1].hasPrefix("format "),
            let version = Int(lines[1].dropFirst(7)), version > 0
        else { throw .notADataFolder(path: formatPath, reason: "is not a Duolog format file") }
        guard version <= formatVersion else {
            throw .newerFormat(path: path, found: version, supported: formatVersion)
        }
        guard lines.count == 3, lines[2].hasPrefix("id "),
            let id = hexadecimal(lines[2].dropFirst(3)), id.count == 16
        else { throw .notADataFolder(path: formatPath, reason: "has no folder id") }
        if let other = ownerOfLog(path, fileSystem, ours: id) {
            throw .notADataFolder(
                path: formatPath,
                reason: "has the id \(digits(id)), but the log in \(path)/wal is that of \(digits(other))")
        }
        return (id, version)
    }

    /// The id that the log's files say, where none of them has ours: with it nothing in them would
    /// verify, and a new log would take their place. What cannot be read says nothing here.
    private static func ownerOfLog(
        _ path: String, _ fileSystem: any FileSystem, ours: [UInt8]
    ) -> [UInt8]? {
        let folder = path + "/wal"
        var other: [UInt8]?
        for name in (try? fileSystem.list(folder).sorted()) ?? [] {
            guard WALFile.number(ofName: name) != nil,
                let file = try? fileSystem.open(folder + "/" + name, .readOnly),
                let header = try? file.read(at: 0, byteCount: WALFile.headerByteCount),
                let id = WALFile.folderID(ofHeader: header)
            else { continue }
            if id == ours { return nil }
            other = other ?? id
        }
        return other
    }

    private static func writeID(
        _ id: [UInt8], _ path: String, _ fileSystem: any FileSystem
    ) throws(SystemError) {
        let text = "duolog data folder\nformat \(formatVersion)\nid \(digits(id))\n"
        let temporary = path + "/format.new"
        let file = try fileSystem.open(temporary, .create)
        try file.truncate(byteCount: 0)
        let bytes = Array(text.utf8)
        try file.writeFully(bytes.span.bytes, at: 0)
        try file.synchronize()
        try fileSystem.rename(temporary, to: path + "/format")
    }

    private static func digits(_ id: [UInt8]) -> String {
        id.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    private static func hexadecimal(_ text: Substring) -> [UInt8]? {
        let digits = text.map(\.hexDigitValue)
        guard digits.count % 2 == 0, !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0]! << 4 | digits[$0 + 1]!)
        }
    }

    private static func attempt<Result>(
        _ body: () throws(SystemError) -> Result
    ) throws(StorageError) -> Result {
        do { return try body() } catch { throw .from(error) }
    }
}
