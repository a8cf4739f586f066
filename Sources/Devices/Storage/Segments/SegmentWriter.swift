import Bytes
import Model
import Platform

/// What the manifest knows of a segment file.
struct SegmentFileEntry: Equatable, Sendable {
    var number: UInt64
    var byteCount: Int
    /// Those that are still needed.
    var segments: [SegmentDescriptor]
}

/// Writes one segment file from front to back. Keeps 1 MiB of batches and the index of the segment
/// that is being written in memory.
final class SegmentWriter {
    let number: UInt64
    private let path: String
    private let fileSystem: any FileSystem
    private let handle: any FileHandle
    private let seed: UInt32
    private var buffer = ByteWriter(capacity: bufferByteCount)
    /// Where the buffer goes.
    private var fileOffset = 0
    private var flushedOffset = 0
    private var segments: [SegmentDescriptor] = []
    private var current: SegmentDescriptor?
    private var index: SegmentIndexBuilder

    private static let bufferByteCount = 1 << 20
    /// The device is told to begin so often, so that the sync at the end is short and a sync of the
    /// write-ahead log between is not held up.
    private static let startWritingByteCount = 4 << 20

    init(
        number: UInt64, folder: String, folderID: [UInt8], created: Timestamp,
        on fileSystem: any FileSystem
    ) throws(StorageError) {
        self.number = number
        self.fileSystem = fileSystem
        path = folder + "/" + SegmentFormat.name(number)
        seed = SegmentFormat.seed(folder: folderID, file: number)
        index = SegmentIndexBuilder(seed: seed)
        do throws(SystemError) {
            handle = try fileSystem.open(path, .create)
            try handle.truncate(byteCount: 0)
        } catch { throw .from(error) }
        buffer.append(
            SegmentFormat.header(number: number, folderID: folderID, created: created))
    }

    var byteCount: Int { fileOffset + buffer.count }
    /// Of the segment that is being written.
    var segmentByteCount: Int { current?.byteCount ?? 0 }

    var isInSegment: Bool { current != nil }

    /// Begins the segment that stands for the offsets from `baseOffset` on.
    func begin(_ log: LogID, at baseOffset: Offset) {
        precondition(current == nil, "segment of log \(log) inside another")
        current = SegmentDescriptor(
            file: number, log: log, baseOffset: baseOffset, dataOffset: byteCount)
        index = SegmentIndexBuilder(seed: seed)
    }

    func append(
        _ bytes: RawSpan, baseOffset: Offset, lastOffset: Offset, appendTime: Timestamp,
        maxTimestampMilliseconds: Int64
    ) throws(StorageError) {
        guard var segment = current else { preconditionFailure("batch outside a segment") }
        index.append(
            .init(
                baseOffset: baseOffset, lastOffset: lastOffset, dataOffset: byteCount,
                byteCount: bytes.byteCount, appendTime: appendTime,
                maxTimestampMilliseconds: maxTimestampMilliseconds, checksum: crc32c(bytes)))
        let transactional = TransactionalBatch(bytes, baseOffset: baseOffset, lastOffset: lastOffset)
        if let transactional { index.append(transactional) }
        if segment.batchCount == 0 { segment.firstAppendTime = appendTime }
        segment.batchCount += 1
        segment.byteCount += bytes.byteCount
        segment.lastOffset = lastOffset
        segment.maxAppendTime = max(segment.maxAppendTime, appendTime)
        segment.maxTimestampMilliseconds = max(
            segment.maxTimestampMilliseconds, maxTimestampMilliseconds)
        current = segment
        try put(bytes)
    }

    /// Ends the segment; one without batches leaves nothing behind.
    ///
    /// - Parameter lastOffset: the last that it stands for, where that is not its last batch's.
    func end(at lastOffset: Offset? = nil) throws(StorageError) {
        guard var segment = current else { return }
        current = nil
        guard segment.batchCount > 0 else { return }
        if let lastOffset { segment.lastOffset = max(segment.lastOffset, lastOffset) }
        segment.indexOffset = byteCount
        let (bytes, pageCount) = index.finish(at: byteCount)
        segment.indexByteCount = bytes.count
        segment.pageCount = pageCount
        segments.append(segment)
        try put(bytes.span.bytes)
    }

    private func put(_ bytes: RawSpan) throws(StorageError) {
        if buffer.count + bytes.byteCount > Self.bufferByteCount { try flush() }
        if bytes.byteCount >= Self.bufferByteCount {
            try write(bytes)
        } else {
            buffer.append(bytes)
        }
    }

    private func flush() throws(StorageError) {
        let bytes = buffer.bytes
        buffer.bytes = []
        try write(bytes.span.bytes)
        buffer.bytes.reserveCapacity(Self.bufferByteCount)
    }

    private func write(_ bytes: RawSpan) throws(StorageError) {
        do { try handle.writeFully(bytes, at: fileOffset) } catch { throw .from(error) }
        fileOffset += bytes.byteCount
        if fileOffset - flushedOffset >= Self.startWritingByteCount {
            handle.startWriting(flushedOffset..<fileOffset)
            flushedOffset = fileOffset
        }
    }

    /// Writes directory and footer, and syncs file and folder. Nil, and no file, where it has no
    /// segment.
    func finish() throws(StorageError) -> SegmentFileEntry? {
        try end()
        guard !segments.isEmpty else {
            abandon()
            return nil
        }
        var directory = ByteWriter(capacity: segments.count * SegmentDescriptor.byteCountOnDisk)
        for segment in segments { segment.write(to: &directory) }
        let footer = SegmentFormat.footer(
            directory: directory.bytes, count: segments.count, offset: byteCount, seed: seed)
        try put(directory.bytes.span.bytes)
        try put(footer.span.bytes)
        try flush()
        do { try handle.synchronize() } catch { throw .from(error) }
        return SegmentFileEntry(number: number, byteCount: fileOffset, segments: segments)
    }

    /// Removes the file.
    func abandon() { try? fileSystem.remove(path) }
}
