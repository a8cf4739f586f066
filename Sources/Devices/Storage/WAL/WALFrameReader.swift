import Model
import Platform

/// Reads frames of complete files of the log by their positions, for the roll-up: neighbours in one
/// read, others alone.
struct WALFrameReader {
    private let files: WALFiles
    private var file: WALFile?
    private var window: [UInt8] = []
    private var windowStart = 0
    /// Behind the frame that was read last.
    private var lastEnd = 0

    private static let windowByteCount = 1 << 20

    init(_ files: WALFiles) { self.files = files }

    /// Lends the payload of a frame, verified; false where it is not what was written.
    ///
    /// - Throws: `failed`, and what `body` throws.
    mutating func withPayload(
        at position: WALPosition, byteCount: Int,
        _ body: (RawSpan) throws(StorageError) -> Void
    ) throws(StorageError) -> Bool {
        let file = try open(position.fileNumber)
        let frameByteCount = WALFrame.byteCount(payload: byteCount)
        let start = position.offset
        if start < windowStart || start + frameByteCount > windowStart + window.count {
            // Ahead only where one frame follows the other.
            let ahead = start == lastEnd ? Self.windowByteCount : 0
            do throws(SystemError) {
                window = try file.handle.read(at: start, byteCount: max(frameByteCount, ahead))
            } catch { throw .failed(error) }
            windowStart = start
        }
        lastEnd = start + frameByteCount
        let begin = start - windowStart
        guard begin + frameByteCount <= window.count else { return false }
        let frameBytes = window.span.bytes.extracting(begin..<begin + frameByteCount)
        guard let frame = WALFrame(verifying: frameBytes, at: start, seed: file.seed),
            frame.payloadByteCount == byteCount,
            frame.verifies(
                payload: frameBytes.extracting(WALFrame.headerByteCount..<frameByteCount),
                at: start, seed: file.seed)
        else { return false }
        let payload = WALFrame.headerByteCount
        try body(frameBytes.extracting(payload..<payload + byteCount))
        return true
    }

    private mutating func open(_ number: UInt64) throws(StorageError) -> WALFile {
        if let file, file.number == number { return file }
        let opened: WALFile
        do { opened = try files.open(number: number, .readOnly) } catch { throw .failed(error) }
        file = opened
        window = []
        windowStart = 0
        lastEnd = 0
        return opened
    }
}
