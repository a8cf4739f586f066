import Bytes
import Model
import Platform

/// Which segment files there are, which of their segments are needed, and up to where the
/// write-ahead log is in them. One for all logs, written anew as a whole with each change: so that
/// a roll-up of ten thousand logs is one switch.
///
/// The content of the sealed file `segments/manifest`, all integers big endian:
///
///     u32  content version, 1; 2 where the position follows at which it was made again
///     u64  rolled up to: frames of batches before this position of the write-ahead log are in
///          segments, or gone
///     u64  first file: files of the write-ahead log with smaller numbers are not needed any more
///     u64  next file: the smallest number that no segment file had
///     u64  only in version 2: where the write-ahead log ended when the manifest was made again last
///     u32  count of segment files, then for each
///          u64 number, u64 byte count, u32 count of segments, SegmentDescriptor for each
///     u32  count of damages, then for each what Damage says
///
/// Described for readers of the files in docs/formats/manifest.md.
struct Manifest: Equatable, Sendable {
    static let name = "manifest"
    private static let firstVersion: UInt32 = 1
    private static let versionOfRemade: UInt32 = 2

    var rolledUpTo = WALPosition.first
    var firstLogFile: UInt64 = 1
    var nextFile: UInt64 = 1
    /// Where the write-ahead log ended when the manifest was made again last; nil where it never was.
    var remadeAt: WALPosition?
    var files: [UInt64: SegmentFileEntry] = [:]
    /// What was lost when it was to be rolled up: told at every start.
    var damage: [ReplayReport.Damage] = []

    static func path(in folder: String) -> String { folder + "/" + name }

    /// Every segment that is needed, by log and offset.
    func segmentsByLog() -> [LogID: [SegmentDescriptor]] {
        var logs: [LogID: [SegmentDescriptor]] = [:]
        for file in files.values {
            for segment in file.segments { logs[segment.log, default: []].append(segment) }
        }
        return logs.mapValues { $0.sorted { $0.baseOffset < $1.baseOffset } }
    }

    // MARK: Bytes

    func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.int(remadeAt == nil ? Self.firstVersion : Self.versionOfRemade)
        writer.int(rolledUpTo.rawValue)
        writer.int(firstLogFile)
        writer.int(nextFile)
        if let remadeAt { writer.int(remadeAt.rawValue) }
        writer.int(UInt32(files.count))
        for file in files.values.sorted(by: { $0.number < $1.number }) {
            writer.int(file.number)
            writer.int(UInt64(file.byteCount))
            writer.int(UInt32(file.segments.count))
            for segment in file.segments { segment.write(to: &writer) }
        }
        writer.int(UInt32(damage.count))
        for one in damage { one.write(to: &writer) }
        return writer.bytes
    }

    init() {}

    init(decoding bytes: RawSpan) throws(MalformedBytes) {
        var reader = ByteReader(bytes)
        let version = try reader.int(UInt32.self)
        guard Self.firstVersion...Self.versionOfRemade ~= version else { throw .badLength(0) }
        rolledUpTo = WALPosition(rawValue: try reader.int())
        firstLogFile = try reader.int()
        nextFile = try reader.int()
        if version == Self.versionOfRemade { remadeAt = WALPosition(rawValue: try reader.int()) }
        for _ in 0..<(try reader.int(UInt32.self)) {
            let number = try reader.int(UInt64.self)
            var file = SegmentFileEntry(
                number: number, byteCount: Int(clamping: try reader.int(UInt64.self)), segments: [])
            for _ in 0..<(try reader.int(UInt32.self)) {
                file.segments.append(try SegmentDescriptor(file: number, &reader))
            }
            files[number] = file
        }
        for _ in 0..<(try reader.int(UInt32.self)) {
            damage.append(try ReplayReport.Damage(&reader))
        }
        guard reader.isAtEnd else { throw .badLength(reader.remaining) }
    }

    // MARK: Files

    /// Puts the manifest in the place of the one before; durable when it returns.
    func write(
        to folder: String, folderID: [UInt8], created: Timestamp, on fileSystem: any FileSystem
    ) throws(StorageError) {
        let file = try SealedFileWriter(
            path: Self.path(in: folder), name: Self.name, position: rolledUpTo.rawValue,
            created: created, folderID: folderID, on: fileSystem)
        do {
            let bytes = encoded()
            try file.append(bytes.span.bytes)
            try file.finish()
            try file.putInPlace()
        } catch {
            file.abandon()
            throw error
        }
    }

    /// Nil when there is none.
    ///
    /// - Throws: `damaged`, `failed`.
    static func read(
        from folder: String, folderID: [UInt8], on fileSystem: any FileSystem
    ) throws(StorageError) -> Manifest? {
        let path = path(in: folder)
        let file = try SealedFileReader.open(path, folderID: folderID, on: fileSystem)
        guard var file else { return nil }
        var bytes: [UInt8] = []
        while let part = try file.next() { bytes += part }
        do { return try Manifest(decoding: bytes.span.bytes) } catch {
            throw .damaged(path: path, offset: SealedFile.headerByteCount)
        }
    }
}

extension ReplayReport.Damage {
    /// u16 length and UTF-8 of the path's last part, u64 offset, u64 byte count, u32 log, i64 base
    /// and i64 last offset, i64 append time.
    func write(to writer: inout ByteWriter) {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        writer.int(UInt16(clamping: name.utf8.count))
        writer.append(name.utf8.prefix(Int(UInt16.max)))
        writer.int(UInt64(offset))
        writer.int(UInt64(byteCount))
        writer.int(frame?.log.value ?? 0)
        writer.int(frame?.baseOffset.value ?? 0)
        writer.int(frame?.lastOffset.value ?? 0)
        writer.int(frame?.appendTime.nanoseconds ?? 0)
    }

    init(_ reader: inout ByteReader) throws(MalformedBytes) {
        path = try reader.string(Int(try reader.int(UInt16.self)))
        offset = Int(clamping: try reader.int(UInt64.self))
        byteCount = Int(clamping: try reader.int(UInt64.self))
        let log = LogID(try reader.int())
        let base = Offset(try reader.int())
        let last = Offset(try reader.int())
        frame = FrameHeader(
            kind: .batch, log: log, baseOffset: base, lastOffset: last,
            appendTime: Timestamp(nanoseconds: try reader.int()), payloadByteCount: 0)
        reason = .payload
    }
}
