import Bytes
import Platform

/// Reads one file of the log from front to back and tells frames from damage.
///
/// Keeps a window of the file in memory: 1 MiB, or one frame where that is larger.
struct WALScanner: ~Copyable {
    enum Item {
        /// A frame whose two checksums hold; ``withPayload(_:)`` lends its payload until the next
        /// item.
        case frame(WALFrame, offset: Int)
        /// A header that holds with a payload that doesn't.
        case badPayload(WALFrame, offset: Int)
        /// No valid header from here to the next one.
        case gap(Range<Int>)
        /// No valid header from here on: `dataEnd` is behind the last byte that is not zero.
        case end(offset: Int, dataEnd: Int)
    }

    let file: WALFile
    let fileEnd: Int
    private(set) var position: Int
    private var window: [UInt8] = []
    private var windowStart = 0
    private var payloadRange = 0..<0

    private static let windowByteCount = 1 << 20

    init(_ file: WALFile, from position: Int = WALFile.headerByteCount) throws(SystemError) {
        self.file = file
        self.position = position
        fileEnd = try file.handle.byteCount()
    }

    /// The next item, or nil behind the `end`.
    mutating func next() throws(SystemError) -> Item? {
        guard position >= 0 else { return nil }
        if let frame = try header(at: position) {
            let offset = position
            position += frame.byteCount
            let range = offset + WALFrame.headerByteCount..<position
            try load(range)
            payloadRange = range.lowerBound..<range.lowerBound + frame.payloadByteCount
            let isIntact = frame.verifies(payload: bytes(range), at: offset, seed: file.seed)
            return isIntact ? .frame(frame, offset: offset) : .badPayload(frame, offset: offset)
        }
        let start = position
        let found = try findHeader(from: start + 8)
        if let next = found.header {
            position = next
            return .gap(start..<next)
        }
        position = -1
        // What is behind the last whole word has no room for a header but may hold bytes of a torn
        // one.
        return .end(offset: start, dataEnd: max(start, found.dataEnd))
    }

    /// Lends the payload of the frame that ``next()`` gave last.
    func withPayload<Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        try body(bytes(payloadRange))
    }

    // MARK: Windows

    /// A valid header of a frame that ends inside the file.
    private mutating func header(at offset: Int) throws(SystemError) -> WALFrame? {
        guard offset + WALFrame.headerByteCount <= fileEnd else { return nil }
        try load(offset..<offset + WALFrame.headerByteCount)
        let bytes = bytes(offset..<offset + WALFrame.headerByteCount)
        guard let frame = WALFrame(verifying: bytes, at: offset, seed: file.seed),
            offset + frame.byteCount <= fileEnd
        else { return nil }
        return frame
    }

    /// The first valid header at or after `start`, and the end of what is not zero before it.
    private mutating func findHeader(
        from start: Int
    ) throws(SystemError) -> (header: Int?, dataEnd: Int) {
        var dataEnd = 0
        var offset = start - 8
        while let data = try file.handle.nextData(from: offset) {
            offset = max(offset, data.lowerBound & ~7)
            while offset < data.upperBound {
                let end = min(offset + Self.windowByteCount, (data.upperBound + 7) & ~7, fileEnd)
                guard offset < end else { break }
                try load(offset..<end)
                var word = offset
                while let next = nextNonZeroWord(from: word, to: end) {
                    dataEnd = min(next + 8, fileEnd)
                    if next >= start, isMagic(at: next), try header(at: next) != nil {
                        return (next, dataEnd)
                    }
                    // The header's window may have moved on.
                    try load(offset..<end)
                    word = next + 8
                }
                offset = end
            }
            if offset >= fileEnd { break }
            offset = max(offset, data.upperBound)
        }
        return (nil, dataEnd)
    }

    private func nextNonZeroWord(from start: Int, to end: Int) -> Int? {
        var offset = start
        let span = window.span.bytes
        while offset + 8 <= end {
            if span.int(at: offset - windowStart, as: UInt64.self) != 0 { return offset }
            offset += 8
        }
        while offset < end {
            if window[offset - windowStart] != 0 { return offset }
            offset += 1
        }
        return nil
    }

    private func isMagic(at offset: Int) -> Bool {
        let start = offset - windowStart
        return start + 4 <= window.count
            && window.span.bytes.int(at: start, as: UInt32.self) == WALFrame.magic
    }

    /// Brings `range`, which lies in the file, into the window.
    private mutating func load(_ range: Range<Int>) throws(SystemError) {
        if range.lowerBound >= windowStart, range.upperBound <= windowStart + window.count {
            return
        }
        let byteCount = min(max(range.count, Self.windowByteCount), fileEnd - range.lowerBound)
        if window.count != byteCount { window = [UInt8](repeating: 0, count: byteCount) }
        windowStart = range.lowerBound
        try Self.fill(&window, from: file.handle, at: windowStart)
    }

    private static func fill(
        _ window: inout [UInt8], from handle: any FileHandle, at offset: Int
    ) throws(SystemError) {
        var elements = window.mutableSpan
        var bytes = elements.mutableBytes
        let count = try handle.readFully(at: offset, into: &bytes)
        // A file that became shorter while it was read; what is missing reads as zeros.
        for index in count..<window.count { window[index] = 0 }
    }

    @_lifetime(borrow self)
    private func bytes(_ range: Range<Int>) -> RawSpan {
        window.span.bytes.extracting(
            range.lowerBound - windowStart..<range.upperBound - windowStart)
    }
}
