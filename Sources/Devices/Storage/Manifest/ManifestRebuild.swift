import Model
import Platform

/// Makes the manifest again from the segment files, each of which says in its footer what it holds.
///
/// What the files cannot say is what of them was not needed any more: it comes back, and goes again
/// when its owner says so. A segment that a later file covers was rewritten or merged; where they
/// only overlap, both stay and this is told. Nothing is said to be rolled up, so that what the
/// write-ahead log still has counts. A segment whose batches are all there is left out: it may be of
/// a roll-up that was never finished and of which a crash has left only some files.
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

    mutating func run(_ walFiles: WALFiles) throws(StorageError) -> Manifest {
        var manifest = Manifest()
        var inLog: [LogID: ClosedRange<Offset>] = [:]
        do throws(SystemError) {
            let numbers = try walFiles.numbers()
            manifest.firstLogFile = numbers.first ?? 1
            inLog = try Self.offsets(of: Self.lastRun(numbers), in: walFiles)
        } catch { throw .from(error) }
        manifest.rolledUpTo = WALPosition(file: manifest.firstLogFile, offset: 0)
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
        removeWhatIsInLog(inLog, &manifest)
        removeCovered(&manifest)
        return manifest
    }

    /// Takes out the last segments of each log, as many as the write-ahead log has. Not one that
    /// stays before another that stays: replay passes over what lies before the end of the last.
    private func removeWhatIsInLog(_ ranges: [LogID: ClosedRange<Offset>], _ manifest: inout Manifest) {
        for (log, segments) in manifest.segmentsByLog() {
            guard let range = ranges[log] else { continue }
            for segment in segments.reversed() {
                guard segment.baseOffset >= range.lowerBound, segment.lastOffset <= range.upperBound
                else { break }
                manifest.files[segment.file]?.segments.removeAll { $0 == segment }
            }
        }
    }

    /// The files behind the last one that is missing: all of the log from there on.
    private static func lastRun(_ numbers: [UInt64]) -> ArraySlice<UInt64> {
        let start = numbers.indices.last { $0 > 0 && numbers[$0] != numbers[$0 - 1] + 1 }
        return numbers[(start ?? 0)...]
    }

    /// What these files have of each log, up to where something is damaged or torn.
    private static func offsets(
        of numbers: ArraySlice<UInt64>, in walFiles: WALFiles
    ) throws(SystemError) -> [LogID: ClosedRange<Offset>] {
        var offsets: [LogID: ClosedRange<Offset>] = [:]
        for number in numbers {
            var scanner = try WALScanner(try walFiles.open(number: number, .readOnly))
            scan: while let item = try scanner.next() {
                switch item {
                case .frame(let frame, _):
                    guard let header = frame.header, header.kind == .batch else { continue }
                    let first = offsets[header.log]?.lowerBound ?? header.baseOffset
                    offsets[header.log] = first...max(first, header.lastOffset)
                case .badPayload, .gap: return offsets
                case .end: break scan
                }
            }
        }
        return offsets
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
