import Model
import Platform

/// The manifest as a start finds it: read, or made again where it is damaged or gone; and the folder
/// tidied of what it does not name.
struct OpenedManifest {
    private(set) var manifest: Manifest
    private(set) var damage: [ReplayReport.Damage] = []
    /// False where there is none, or none that verifies.
    private(set) var isFromItsFile = false

    init(
        folder: String, folderID: [UInt8], walFiles: WALFiles, fileSystem: any FileSystem
    ) throws(StorageError) {
        manifest = Manifest()
        let names: [String]
        do { names = try fileSystem.list(folder) } catch { throw .from(error) }
        let present = Set(names.compactMap(SegmentFormat.number(ofName:)))
        do {
            if let found = try Manifest.read(from: folder, folderID: folderID, on: fileSystem) {
                manifest = found
                isFromItsFile = true
                try removeUnknown(present, names, folder, fileSystem)
            } else if !present.isEmpty, try Self.hasLogFromItsBeginning(walFiles) {
                // The first roll-up was not finished, and all that it read is there; or the manifest was lost.
                try removeTailIndex(folder, fileSystem)
                try removeUnknown(present, names, folder, fileSystem)
            } else if !present.isEmpty {
                try rebuild(folder, folderID, walFiles, fileSystem)
            }
        } catch .damaged(_, let offset) {
            damage.append(
                .init(
                    path: Manifest.path(in: folder), offset: offset, byteCount: 0,
                    reason: .manifest, frame: nil))
            try rebuild(folder, folderID, walFiles, fileSystem)
        }
        let walFolder = walFiles.folder
        damage += manifest.damage.map { known in
            var known = known
            known.path = walFolder + "/" + known.path + ".damaged"
            return known
        }
        for file in manifest.files.values.sorted(by: { $0.number < $1.number })
        where !present.contains(file.number) {
            damage += file.segments.map { segment in
                .init(
                    path: folder + "/" + SegmentFormat.name(file.number), offset: segment.dataOffset,
                    byteCount: segment.byteCount, reason: .segmentFile, frame: FrameHeader(segment))
            }
        }
    }

    /// It leaves out what was rolled up when it was written, and that is not rolled up any more.
    private func removeTailIndex(_ folder: String, _ fileSystem: any FileSystem) throws(StorageError) {
        do { try TailIndexFile.remove(from: folder, on: fileSystem) } catch { throw .from(error) }
    }

    private mutating func rebuild(
        _ folder: String, _ folderID: [UInt8], _ walFiles: WALFiles, _ fileSystem: any FileSystem
    ) throws(StorageError) {
        try removeTailIndex(folder, fileSystem)
        var rebuild = ManifestRebuild(folder: folder, folderID: folderID, fileSystem: fileSystem)
        manifest = try rebuild.run(walFiles)
        if damage.isEmpty {
            damage.append(
                .init(
                    path: Manifest.path(in: folder), offset: 0, byteCount: 0, reason: .manifest,
                    frame: nil))
        }
        for lost in rebuild.damage {
            // Kept for people, under a name that nothing takes for a segment file.
            do { try fileSystem.keepAside(lost.path) } catch {
                throw .from(error)
            }
        }
        damage += rebuild.damage
    }

    private static func hasLogFromItsBeginning(_ walFiles: WALFiles) throws(StorageError) -> Bool {
        do { return try walFiles.haveTheirBeginning() } catch { throw .from(error) }
    }

    /// What a crash left behind: files that were never named, or that nothing needs any more.
    private func removeUnknown(
        _ present: Set<UInt64>, _ names: [String], _ folder: String, _ fileSystem: any FileSystem
    ) throws(StorageError) {
        do throws(SystemError) {
            for number in present.sorted() where manifest.files[number] == nil {
                try fileSystem.remove(folder + "/" + SegmentFormat.name(number))
            }
            for name in names where name.hasSuffix(".new") {
                try fileSystem.remove(folder + "/" + name)
            }
        } catch { throw .from(error) }
    }
}
