import Bytes

/// The reply subject of a delivered message, on which its ack comes back. Borrowed.
///
/// Version 1: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time ns>.<pending>`, 9 tokens.
/// Version 2 has a domain (`_` for none) and an account hash before the stream, 11 tokens or more.
/// Source: nats-architecture-and-design ADR-15.
public struct AckSubjectView: ~Escapable {
    public let stream: RawSpan
    public let consumer: RawSpan
    public let deliveries: UInt64
    public let streamSequence: UInt64
    public let consumerSequence: UInt64
    public let timestampNanoseconds: UInt64
    public let pending: UInt64

    /// Nil for a subject of another form.
    @_lifetime(copy subject)
    public init?(_ subject: RawSpan) {
        var starts: InlineArray<12, Int> = .init(repeating: 0)
        var ends: InlineArray<12, Int> = .init(repeating: 0)
        var count = 0
        var start = 0
        for index in 0...subject.byteCount {
            guard index == subject.byteCount || subject[index] == UInt8(ascii: ".") else {
                continue
            }
            if count < 12 {
                starts[count] = start
                ends[count] = index
            }
            count += 1
            start = index + 1
        }
        guard count == 9 || count >= 11, subject.hasPrefix("$JS.ACK.")
        else { return nil }
        let first = count == 9 ? 2 : 4
        guard starts[first] < ends[first], starts[first + 1] < ends[first + 1],
            let deliveries = subject.decimal(starts[first + 2]..<ends[first + 2]),
            let streamSequence = subject.decimal(starts[first + 3]..<ends[first + 3]),
            let consumerSequence = subject.decimal(starts[first + 4]..<ends[first + 4]),
            let timestamp = subject.decimal(starts[first + 5]..<ends[first + 5]),
            let pending = subject.decimal(starts[first + 6]..<ends[first + 6])
        else { return nil }
        stream = subject.extracting(starts[first]..<ends[first])
        consumer = subject.extracting(starts[first + 1]..<ends[first + 1])
        self.deliveries = deliveries
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        timestampNanoseconds = timestamp
        self.pending = pending
    }
}

/// Writes version 1 ack subjects of one consumer: the front is made once, the numbers for each message.
public struct AckSubjectWriter: Sendable {
    private let prefix: [UInt8]

    public init(stream: String, consumer: String) {
        prefix = Array("$JS.ACK.\(stream).\(consumer).".utf8)
    }

    /// Appends the subject to `bytes`.
    public func write(
        deliveries: UInt64, streamSequence: UInt64, consumerSequence: UInt64,
        timestampNanoseconds: Int64, pending: UInt64, to bytes: inout [UInt8]
    ) {
        bytes.append(contentsOf: prefix)
        bytes.appendDecimal(deliveries)
        bytes.append(UInt8(ascii: "."))
        bytes.appendDecimal(streamSequence)
        bytes.append(UInt8(ascii: "."))
        bytes.appendDecimal(consumerSequence)
        bytes.append(UInt8(ascii: "."))
        bytes.appendDecimal(UInt64(max(0, timestampNanoseconds)))
        bytes.append(UInt8(ascii: "."))
        bytes.appendDecimal(pending)
    }

    /// How long the subject is that ``write(deliveries:streamSequence:consumerSequence:timestampNanoseconds:pending:to:)``
    /// appends.
    public func byteCount(
        deliveries: UInt64, streamSequence: UInt64, consumerSequence: UInt64,
        timestampNanoseconds: Int64, pending: UInt64
    ) -> Int {
        prefix.count + 4 + decimalDigitCount(deliveries) + decimalDigitCount(streamSequence)
            + decimalDigitCount(consumerSequence) + decimalDigitCount(UInt64(max(0, timestampNanoseconds)))
            + decimalDigitCount(pending)
    }
}

extension [UInt8] {
    /// Appends `number` in decimal without building a string.
    public mutating func appendDecimal(_ number: UInt64) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var rest = number
        var position = 20
        repeat {
            position -= 1
            digits[position] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        append(copying: digits.span.extracting(position..<20).bytes)
    }
}

extension RawSpan {
    /// The decimal number in `range`; nil for none, for other bytes and for more than 64 bits.
    func decimal(_ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty, range.count <= 20 else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = self[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowToo) = scaled.addingReportingOverflow(UInt64(digit))
            guard !overflow, !overflowToo else { return nil }
            value = sum
        }
        return value
    }
}
