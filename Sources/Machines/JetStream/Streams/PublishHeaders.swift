import Bytes

/// Where the headers that steer a publish stand in its block. Each range is a value, spaces taken off.
///
/// Keys count in exactly this spelling, and the first of each. A value that is empty counts as not there.
/// Source: nats-server's `getHeader`.
struct PublishHeaders {
    var messageID: Range<Int>?
    var expectedStream: Range<Int>?
    var expectedSequence: Range<Int>?
    var expectedSubjectSequence: Range<Int>?
    var expectedSubject: Range<Int>?
    var expectedMessageID: Range<Int>?
    var rollup: Range<Int>?
    var timeToLive: Range<Int>?
    var increment: Range<Int>?
    var batchID: Range<Int>?
    var schedule: Range<Int>?
    var source: Range<Int>?

    init(_ block: RawSpan) {
        var position = block.endOfLine(from: 0)
        while position < block.byteCount {
            let end = block.endOfLine(from: position)
            // Only keys that begin with "Nats-" matter, and most headers have others.
            if end - position > 6, block.byte(position) == UInt8(ascii: "N"), block.hasNatsPrefix(at: position) {
                take(block, from: position, to: end)
            }
            position = end
        }
    }

    private mutating func take(_ block: RawSpan, from start: Int, to end: Int) {
        var colon = start
        while colon < end, block.byte(colon) != UInt8(ascii: ":") { colon += 1 }
        guard colon < end else { return }
        var (first, last) = (colon + 1, end)
        while last > first, block.byte(last - 1) <= 0x20 { last -= 1 }
        while first < last, block.byte(first) == 0x20 || block.byte(first) == 0x09 { first += 1 }
        guard first < last else { return }
        let value = first..<last
        let key = block.extracting(start..<colon)
        switch key.byteCount {
        case 8: if key.equals("Nats-TTL") { keep(value, in: &timeToLive) }
        case 9: if key.equals("Nats-Incr") { keep(value, in: &increment) }
        case 11: if key.equals("Nats-Msg-Id") { keep(value, in: &messageID) }
            else if key.equals("Nats-Rollup") { keep(value, in: &rollup) }
        case 13:
            if key.equals("Nats-Batch-Id") { keep(value, in: &batchID) }
            else if key.equals("Nats-Schedule") { keep(value, in: &schedule) }
        case 18: if key.equals("Nats-Stream-Source") { keep(value, in: &source) }
        case 20: if key.equals("Nats-Expected-Stream") { keep(value, in: &expectedStream) }
        case 25: if key.equals("Nats-Expected-Last-Msg-Id") { keep(value, in: &expectedMessageID) }
        case 27: if key.equals("Nats-Expected-Last-Sequence") { keep(value, in: &expectedSequence) }
        case 35:
            if key.equals("Nats-Expected-Last-Subject-Sequence") {
                keep(value, in: &expectedSubjectSequence)
            }
        case 43:
            if key.equals("Nats-Expected-Last-Subject-Sequence-Subject") {
                keep(value, in: &expectedSubject)
            }
        default: break
        }
    }

    private func keep(_ value: Range<Int>, in slot: inout Range<Int>?) {
        if slot == nil { slot = value }
    }
}

extension RawSpan {
    func byte(_ index: Int) -> UInt8 {
        // Bounds are checked by `unsafeLoad(fromByteOffset:)`; any byte is a valid UInt8.
        unsafe unsafeLoad(fromByteOffset: index, as: UInt8.self)
    }

    func equals(_ text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount where unsafe text.utf8Start[index] != byte(index) { return false }
        return true
    }

    func equals(_ bytes: [UInt8]) -> Bool {
        guard byteCount == bytes.count else { return false }
        for index in 0..<byteCount where bytes[index] != byte(index) { return false }
        return true
    }

    /// A decimal number that fills the span; nil for anything else.
    var decimal: UInt64? {
        guard byteCount > 0, byteCount <= 20 else { return nil }
        var value: UInt64 = 0
        for index in 0..<byteCount {
            let digit = byte(index) &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowToo) = scaled.addingReportingOverflow(UInt64(digit))
            guard !overflow, !overflowToo else { return nil }
            value = sum
        }
        return value
    }

    fileprivate func hasNatsPrefix(at start: Int) -> Bool {
        extracting(start..<start + 5).equals("Nats-")
    }

    /// The index behind the line feed that ends the line of `start`, or the end.
    fileprivate func endOfLine(from start: Int) -> Int {
        var index = start
        while index < byteCount {
            if byte(index) == 0x0A { return index + 1 }
            index += 1
        }
        return byteCount
    }
}
