import Model
import Platform

/// How large segments and their files are.
struct SegmentLimits: Sendable {
    /// A segment of this size is complete.
    var segmentByteCount: Int
    /// From this size on, what there is of one log gets files of its own; less shares one.
    var ownFileByteCount: Int
}

/// Takes the batches of one log after the other and puts them into segment files: of its own for a
/// log with much, one together for all others.
struct SegmentSink {
    private let limits: SegmentLimits
    private var own: SegmentWriter?
    private var shared: SegmentWriter?
    private var log: LogID?
    private var isLarge = false
    /// Where the next segment begins.
    private var nextBase = Offset(0)
    private(set) var files: [SegmentFileEntry] = []

    init(_ limits: SegmentLimits) { self.limits = limits }

    /// Begins a log.
    ///
    /// - Parameter byteCount: about how much there is of it.
    mutating func begin(_ log: LogID, at baseOffset: Offset, byteCount: Int) {
        self.log = log
        isLarge = byteCount >= limits.ownFileByteCount
        nextBase = baseOffset
    }

    mutating func append(
        _ bytes: RawSpan, _ batch: StoredBatch, _ context: inout BackgroundContext
    ) throws(StorageError) {
        if let writer = own, writer.segmentByteCount > 0,
            writer.segmentByteCount + bytes.byteCount > limits.segmentByteCount
        {
            // The two segments meet, so that together they cover all that they replace.
            try writer.end(at: Offset(batch.baseOffset.value - 1))
            try endOwnFile()
            nextBase = batch.baseOffset
        }
        let writer = try writer(&context)
        if !writer.isInSegment { writer.begin(log!, at: nextBase) }
        try writer.append(
            bytes, baseOffset: batch.baseOffset, lastOffset: batch.lastOffset,
            appendTime: batch.appendTime, maxTimestampMilliseconds: batch.maxTimestampMilliseconds)
    }

    /// Ends the log.
    ///
    /// - Parameter lastOffset: what its last segment stands for at least.
    mutating func end(at lastOffset: Offset) throws(StorageError) {
        try own?.end(at: lastOffset)
        try shared?.end(at: lastOffset)
        try endOwnFile()
        log = nil
    }

    /// Completes all files; they are durable but for their names.
    mutating func finish() throws(StorageError) -> [SegmentFileEntry] {
        if let shared, let file = try shared.finish() { files.append(file) }
        shared = nil
        return files
    }

    /// Removes what was written.
    func abandon(_ context: BackgroundContext) {
        own?.abandon()
        shared?.abandon()
        for file in files {
            try? context.fileSystem.remove(
                context.segmentFolder + "/" + SegmentFormat.name(file.number))
        }
    }

    private mutating func endOwnFile() throws(StorageError) {
        guard let own else { return }
        if let file = try own.finish() { files.append(file) }
        self.own = nil
    }

    private mutating func writer(
        _ context: inout BackgroundContext
    ) throws(StorageError) -> SegmentWriter {
        if let open = isLarge ? own : shared { return open }
        let writer = try SegmentWriter(
            number: context.takeFileNumber(), folder: context.segmentFolder,
            folderID: context.folderID, created: context.time.now(), on: context.fileSystem)
        if isLarge { own = writer } else { shared = writer }
        return writer
    }
}
