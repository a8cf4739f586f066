public import Model
public import Platform

/// Looks at a data folder without changing anything, whether a server runs on it or not.
///
/// Beside a running server what is seen is of a moment: files may come and go between two calls, and
/// the last group of the write-ahead log may be half written.
public struct FolderInspection: Sendable {
    public let path: String
    public let folderID: [UInt8]
    public let formatVersion: Int
    let fileSystem: any FileSystem

    /// - Throws: `notADataFolder`, `newerFormat`, `failed`.
    public init(
        directory path: String, fileSystem: any FileSystem = LocalFileSystem()
    ) throws(StorageError) {
        guard let format = try DataFolder.read(path, fileSystem) else {
            throw .notADataFolder(path: path + "/format", reason: "is missing")
        }
        self.path = path
        self.fileSystem = fileSystem
        folderID = format.id
        formatVersion = format.version
    }

    // MARK: Write-ahead log

    public struct LogFile: Sendable {
        public var number: UInt64
        public var path: String
        public var byteCount: Int
        /// Its frames are in segments and snapshots, and it waits to be given up.
        public var isReleased: Bool
    }

    var walFiles: WALFiles {
        WALFiles(
            folder: path + "/wal", folderID: folderID, fileSystem: fileSystem, fileByteCount: 0,
            time: .system, pool: WALPool(limit: 0))
    }

    /// - Throws: `failed`.
    public func logFiles() throws(StorageError) -> [LogFile] {
        let first = try manifest().manifest.firstLogFile
        var found: [LogFile] = []
        do throws(SystemError) {
            for number in try walFiles.numbers() {
                let path = walFiles.path(number)
                do {
                    found.append(
                        LogFile(
                            number: number, path: path,
                            byteCount: try fileSystem.open(path, .readOnly).byteCount(),
                            isReleased: number < first))
                } catch { if !error.isMissing { throw error } }
            }
        } catch { throw .failed(error) }
        return found
    }

    /// Hands out every frame of every file of the write-ahead log in order.
    ///
    /// - Returns: what is damaged, and the bytes behind the last whole frame of the newest file,
    ///   which are of no meaning: a group that was being written.
    /// - Throws: `StorageError` when the device says no; what `body` throws.
    public func forEachFrame(
        _ body: (FrameHeader, RawSpan, WALPosition) throws -> Void
    ) throws -> (damage: [ReplayReport.Damage], unfinishedByteCount: Int) {
        let first = try manifest().manifest.firstLogFile
        var replay = WALReplay(walFiles, from: WALPosition(file: first, offset: 0))
        do { try replay.inspect(body) } catch let error as SystemError {
            throw StorageError.failed(error)
        }
        return (replay.report.damage, replay.report.cutByteCount)
    }

    // MARK: Segments

    /// Which segments there are and what is known to be damaged. Where the manifest is damaged, as
    /// the segment files say.
    ///
    /// - Throws: `failed`.
    public func segments() throws(StorageError) -> (
        segments: [SegmentDescriptor], damage: [ReplayReport.Damage]
    ) {
        let (manifest, damage) = try manifest()
        let all = manifest.segmentsByLog().sorted { $0.key < $1.key }.flatMap(\.value)
        return (all, damage)
    }

    /// The path of a segment's file.
    public func path(of segment: SegmentDescriptor) -> String {
        segmentFolder + "/" + SegmentFormat.name(segment.file)
    }

    /// Up to where the write-ahead log is in segments.
    ///
    /// - Throws: `failed`.
    public func rolledUpTo() throws(StorageError) -> WALPosition { try manifest().manifest.rolledUpTo }

    /// Nil where its file is gone.
    ///
    /// - Throws: `failed`.
    public func reader(of segment: SegmentDescriptor) throws(StorageError) -> SegmentReader? {
        do throws(SystemError) {
            let file = try SegmentFile(
                number: segment.file, folder: segmentFolder, folderID: folderID, on: fileSystem)
            return SegmentReader(segment, file: file)
        } catch {
            if error.isMissing { return nil }
            throw .failed(error)
        }
    }

    var segmentFolder: String { path + "/segments" }

    private func manifest() throws(StorageError) -> (
        manifest: Manifest, damage: [ReplayReport.Damage]
    ) {
        do {
            if let found = try Manifest.read(from: segmentFolder, folderID: folderID, on: fileSystem) {
                return (found, found.damage)
            }
            return try isManifestLost() ? try rebuiltManifest(damagedAt: 0) : (Manifest(), [])
        } catch .damaged(_, let offset) {
            return try rebuiltManifest(damagedAt: offset)
        }
    }

    /// Where there is none: whether there was one, and not a first roll-up that was not finished.
    private func isManifestLost() throws(StorageError) -> Bool {
        do throws(SystemError) {
            let names = try fileSystem.list(segmentFolder)
            guard names.contains(where: { SegmentFormat.number(ofName: $0) != nil }) else { return false }
            return try !walFiles.haveTheirBeginning()
        } catch {
            if error.isMissing { return false }
            throw .failed(error)
        }
    }

    private func rebuiltManifest(
        damagedAt offset: Int
    ) throws(StorageError) -> (manifest: Manifest, damage: [ReplayReport.Damage]) {
        var rebuild = ManifestRebuild(folder: segmentFolder, folderID: folderID, fileSystem: fileSystem)
        let manifest = try rebuild.run(walFiles)
        let damage = ReplayReport.Damage(
            path: Manifest.path(in: segmentFolder), offset: offset, byteCount: 0, reason: .manifest, frame: nil)
        return (manifest, [damage] + rebuild.damage)
    }

    // MARK: Snapshots

    public struct Snapshot: Sendable {
        public var name: String
        public var position: WALPosition
        public var created: Timestamp
        public var byteCount: Int
    }

    /// Reads all snapshots to their ends.
    ///
    /// - Returns: those that are whole, and the paths of those that are not.
    /// - Throws: `failed`.
    public func snapshots() throws(StorageError) -> (whole: [Snapshot], damaged: [String]) {
        let folder = path + "/snapshots"
        let names: [String]
        do { names = try fileSystem.list(folder) } catch {
            if error.isMissing { return ([], []) }
            throw .failed(error)
        }
        var whole: [Snapshot] = []
        var damaged: [String] = []
        for name in names.sorted() where name.hasSuffix(".snap") {
            let path = folder + "/" + name
            do {
                let file = try SealedFileReader.open(path, folderID: folderID, on: fileSystem)
                guard var file else { continue }
                var byteCount = 0
                while let block = try file.next() { byteCount += block.count }
                whole.append(
                    Snapshot(
                        name: file.header.name,
                        position: WALPosition(rawValue: file.header.position),
                        created: file.header.created, byteCount: byteCount))
            } catch .damaged {
                damaged.append(path)
            }
        }
        return (whole, damaged)
    }

    /// A snapshot to be read; nil where there is none of that name.
    ///
    /// - Throws: as ``SnapshotStore/open(_:)``.
    public func openSnapshot(_ name: String) throws(StorageError) -> SnapshotReader? {
        let path = path + "/snapshots/" + name + ".snap"
        let file = try SealedFileReader.open(path, folderID: folderID, on: fileSystem)
        guard let file else { return nil }
        guard file.header.name == name else { throw .damaged(path: path, offset: 48) }
        return SnapshotReader(file)
    }
}
