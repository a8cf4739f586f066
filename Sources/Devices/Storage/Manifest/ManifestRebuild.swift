import Model
import Platform

/// Makes the manifest again from the segment files, each of which says in its footer what it holds.
///
/// What the files cannot say is what of them was not needed any more: it comes back, and goes again
/// when its owner says so. A segment that a later file covers was rewritten or merged; where they
/// only overlap, both stay and this is told. Nothing is said to be rolled up, so that what the
/// write-ahead log still has counts too.
struct ManifestRebuild {
    let folder: String
    let folderID: [UInt8]
    let fileSystem: any FileSystem
    /// The files that do not say what they hold.
    private(set) var damage: [ReplayReport.Damage] = []

    init(folder: String, folderID: [UInt8], fileSystem: any FileSystem) {
        self.folder = folder
        self.folderID = folderID
        self.fileSystem = fileSystem
    }

    mutating func run(firstLogFile: UInt64) throws(StorageError) -> Manifest {
        var manifest = Manifest()
        manifest.firstLogFile = firstLogFile
        manifest.rolledUpTo = WALPosition(file: firstLogFile, offset: 0)
        do throws(SystemError) {
            let names = try fileSystem.list(folder)
            for number in names.compactMap(SegmentFormat.number(ofName:)).sorted() {
                manifest.nextFile = number + 1
                let path = folder + "/" + SegmentFormat.name(number)
                let handle = try fileSystem.open(path, .readOnly)
                let seed = SegmentFormat.seed(folder: folderID, file: number)
                let byteCount = try handle.byteCount()
                guard
                    let segments = try SegmentFormat.directory(
                        of: handle, number: number, seed: seed)
                else {
                    damage.append(
                        .init(
                            path: path, offset: 0, byteCount: byteCount, reason: .segmentFile,
                            frame: nil))
                    continue
                }
                manifest.files[number] = SegmentFileEntry(
                    number: number, byteCount: byteCount, segments: segments)
            }
        } catch { throw .from(error) }
        removeCovered(&manifest)
        return manifest
    }

    /// Takes out what later files hold too, one of them or several together.
    private func removeCovered(_ manifest: inout Manifest) {
        for segments in manifest.segmentsByLog().values {
            for old in segments {
                var next = old.baseOffset
                for newer in segments
                where newer.file > old.file && newer.baseOffset <= next && newer.lastOffset >= next {
                    next = newer.lastOffset.advanced(by: 1)
                }
                if next > old.lastOffset {
                    manifest.files[old.file]?.segments.removeAll { $0 == old }
                }
            }
        }
        manifest.files = manifest.files.filter { !$0.value.segments.isEmpty }
    }
}
