import Platform

/// A stretch of the log in memory, byte for byte as it stands in its file.
///
/// The loop appends to its end; the writer thread seals and writes what was submitted, which the
/// loop no longer changes. So both may hold it without a lock.
///
/// Unsafe code lives here: the memory belongs to the block and is reached only through spans that
/// end with a call.
final class WALBlock: @unchecked Sendable {
    private(set) var file: WALFile
    /// Where the block begins in its file.
    private(set) var fileOffset: Int
    private(set) var count = 0
    let capacity: Int
    private let memory: UnsafeMutableRawPointer

    init(file: WALFile, fileOffset: Int, capacity: Int) {
        self.file = file
        self.fileOffset = fileOffset
        self.capacity = capacity
        unsafe memory = .allocate(byteCount: capacity, alignment: 4096)
    }

    deinit { unsafe memory.deallocate() }

    /// Only while nobody else has the block.
    func reuse(file: WALFile, fileOffset: Int) {
        self.file = file
        self.fileOffset = fileOffset
        count = 0
    }

    var remaining: Int { capacity - count }
    var fileEnd: Int { fileOffset + count }

    /// Adds a frame, its payload written by `fill`, which gets exactly as many bytes as the frame's
    /// payload has and must set them all.
    @inline(__always)
    func append(_ frame: WALFrame, _ fill: (inout MutableRawSpan) -> Void) {
        let byteCount = frame.byteCount
        precondition(byteCount <= remaining)
        // Inside the block by the line above, and nobody else looks behind `count`.
        var bytes = unsafe MutableRawSpan(_unsafeStart: memory + count, byteCount: byteCount)
        if byteCount >= WALFrame.headerByteCount + 8 {
            // The padding; memory is not cleared before.
            bytes.storeBytes(of: 0, toByteOffset: byteCount - 8, as: UInt64.self)
        }
        frame.write(into: &bytes)
        let start = WALFrame.headerByteCount
        var payload = bytes._mutatingExtracting(start..<start + frame.payloadByteCount)
        fill(&payload)
        count += byteCount
    }

    /// Completes the frames in `range`. On the writer thread.
    func seal(_ range: Range<Int>, groupStart: Int) {
        precondition(range.upperBound <= capacity)
        var position = range.lowerBound
        while position < range.upperBound {
            var bytes = unsafe MutableRawSpan(
                _unsafeStart: memory + position, byteCount: range.upperBound - position)
            position += WALFrame.seal(
                &bytes, at: fileOffset + position, groupStart: groupStart, seed: file.seed)
        }
    }

    /// Lends the bytes in `range`.
    @inline(__always)
    func withBytes<Result, Failure: Error>(
        _ range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
        return try body(
            unsafe RawSpan(_unsafeStart: memory + range.lowerBound, byteCount: range.count))
    }
}

/// A part of a block that is on its way to the disk.
struct WALExtent: Sendable {
    var block: WALBlock
    var range: Range<Int>
    /// How long its sync may wait once it is written, in nanoseconds: 0 not at all, max for ever.
    var patience: Int64 = 0
    /// Whether somebody waits for it to be written, and for no sync.
    var isAwaited = false
}
