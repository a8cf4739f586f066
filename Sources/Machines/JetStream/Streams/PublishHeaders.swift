import Bytes

/// Where the headers that steer a publish stand in its block. Each range is a value, spaces taken off.
///
/// Keys count in exactly this spelling, and the first of each. A value that is empty counts as not there.
/// Source: nats-server's `getHeader`.
struct PublishHeaders: Equatable {
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

    private init() {}

    /// Whether none of them is there.
    var isEmpty: Bool { self == PublishHeaders() }

    init(_ block: RawSpan) {
        var position = block.endOfLine(from: 0)
        while position < block.byteCount {
            let end = block.endOfLine(from: position)
            // Only keys that begin with "Nats-" matter, and most headers have others.
            if end - position > 6, block[position] == UInt8(ascii: "N"),
                block.from(position).hasPrefix("Nats-")
            {
                take(block, from: position, to: end)
            }
            position = end
        }
    }

    private mutating func take(_ block: RawSpan, from start: Int, to end: Int) {
        var colon = start
        while colon < end, block[colon] != UInt8(ascii: ":") { colon += 1 }
        guard colon < end else { return }
        var (first, last) = (colon + 1, end)
        while last > first, block[last - 1] <= 0x20 { last -= 1 }
        while first < last, block[first] == 0x20 || block[first] == 0x09 { first += 1 }
        guard first < last else { return }
        let value = first..<last
        let key = block.extracting(start..<colon)
        switch key.byteCount {
        case 8: if key.hasSameBytes(as: "Nats-TTL") { keep(value, in: &timeToLive) }
        case 9: if key.hasSameBytes(as: "Nats-Incr") { keep(value, in: &increment) }
        case 11:
            if key.hasSameBytes(as: "Nats-Msg-Id") {
                keep(value, in: &messageID)
            } else if key.hasSameBytes(as: "Nats-Rollup") {
                keep(value, in: &rollup)
            }
        case 13:
            if key.hasSameBytes(as: "Nats-Batch-Id") {
                keep(value, in: &batchID)
            } else if key.hasSameBytes(as: "Nats-Schedule") {
                keep(value, in: &schedule)
            }
        case 18: if key.hasSameBytes(as: "Nats-Stream-Source") { keep(value, in: &source) }
        case 20:
            if key.hasSameBytes(as: "Nats-Expected-Stream") { keep(value, in: &expectedStream) }
        case 25:
            if key.hasSameBytes(as: "Nats-Expected-Last-Msg-Id") {
                keep(value, in: &expectedMessageID)
            }
        case 27:
            if key.hasSameBytes(as: "Nats-Expected-Last-Sequence") {
                keep(value, in: &expectedSequence)
            }
        case 35:
            if key.hasSameBytes(as: "Nats-Expected-Last-Subject-Sequence") {
                keep(value, in: &expectedSubjectSequence)
            }
        case 43:
            if key.hasSameBytes(as: "Nats-Expected-Last-Subject-Sequence-Subject") {
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
    /// A decimal number that fills the span; nil for anything else.
    var decimal: UInt64? {
        guard byteCount > 0, byteCount <= 20 else { return nil }
        var value: UInt64 = 0
        for index in 0..<byteCount {
            let digit = self[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowToo) = scaled.addingReportingOverflow(UInt64(digit))
            guard !overflow, !overflowToo else { return nil }
            value = sum
        }
        return value
    }

    /// The index behind the line feed that ends the line of `start`, or the end.
    fileprivate func endOfLine(from start: Int) -> Int {
        firstPosition(of: 0x0A, from: start).map { $0 + 1 } ?? byteCount
    }
}
