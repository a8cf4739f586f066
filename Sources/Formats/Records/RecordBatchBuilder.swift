import Bytes
import Model

/// Builds one uncompressed batch, record by record, and is used again for the next.
///
/// `begin`, any number of `append`, `seal`, then ``bytes``. An append writes straight into the
/// batch: no allocation but for the buffer's growth, each byte copied once.
public struct RecordBatchBuilder: ~Copyable {
    /// What a batch says of itself, apart from what its records decide.
    public struct Identity: Sendable {
        public var baseOffset = Offset(0)
        public var leaderEpoch: Int32 = 0
        /// Without a codec.
        public var attributes: RecordBatchAttributes = []
        public var producerID = ProducerID.none
        public var producerEpoch: Int16 = -1
        public var baseSequence: Int32 = -1
        /// What the records' times are counted from; nil for the time of the first.
        public var baseTimestampMilliseconds: Int64?
        /// The time of all records, where the log gave it.
        public var appendTimeMilliseconds: Int64?

        public init(baseOffset: Offset = Offset(0), leaderEpoch: Int32 = 0) {
            self.baseOffset = baseOffset
            self.leaderEpoch = leaderEpoch
        }

        /// The same as `header`'s, for a batch that is written anew.
        public init(_ header: RecordBatchHeader) {
            baseOffset = header.baseOffset
            leaderEpoch = header.leaderEpoch
            attributes = RecordBatchAttributes(rawValue: header.attributes.rawValue & ~0x07)
            producerID = header.producerID
            producerEpoch = header.producerEpoch
            baseSequence = header.baseSequence
            if attributes.contains(.deleteHorizon) {
                baseTimestampMilliseconds = header.baseTimestampMilliseconds
            }
            if attributes.contains(.appendTime) {
                appendTimeMilliseconds = header.maxTimestampMilliseconds
            }
        }
    }

    private typealias Place = RecordBatchHeader.Place

    var buffer: GrowingBytes
    private var identity = Identity()
    private var baseTimestamp: Int64 = 0
    private var maxTimestamp: Int64 = 0
    private var lastOffsetDelta: Int32 = -1
    private var isSealed = false
    /// How many records the batch holds so far.
    public private(set) var recordCount = 0

    public init(capacity: Int = 0) {
        buffer = GrowingBytes(capacity: max(capacity, RecordBatchHeader.byteCount))
        begin()
    }

    public var isEmpty: Bool { recordCount == 0 }
    /// How many bytes the batch takes so far, header included.
    public var byteCount: Int { buffer.count }
    /// The offset that the next record gets.
    public var nextOffset: Offset { Offset(identity.baseOffset.value + Int64(lastOffsetDelta) + 1) }

    /// Forgets everything and starts a batch; keeps at most `limit` bytes of memory.
    public mutating func begin(_ identity: Identity = Identity(), keepingAtMost limit: Int = .max) {
        self.identity = identity
        recordCount = 0
        lastOffsetDelta = -1
        isSealed = false
        buffer.removeAll(keepingAtMost: limit)
        buffer.reserve(RecordBatchHeader.byteCount)
        for _ in 0..<RecordBatchHeader.byteCount { buffer.append(byte: 0) }
    }

    /// Appends a record behind the last one.
    ///
    /// - Parameter headers: of another record, or none.
    public mutating func append(
        key: RawSpan?, value: RawSpan?, headers: RecordHeadersView = RecordHeadersView(),
        timestampMilliseconds: Int64
    ) {
        openRecord(
            keyByteCount: key?.byteCount, valueByteCount: value?.byteCount,
            headerCount: headers.count,
            headersByteCount: headers.bytes.byteCount, timestampMilliseconds: timestampMilliseconds)
        writeNullable(key)
        writeNullable(value)
        buffer.varint(Int64(headers.count))
        buffer.append(headers.bytes)
    }

    /// Appends a record whose headers are values; for rare records and tests.
    public mutating func append(
        key: [UInt8]?, value: [UInt8]?, headers: [RecordHeader] = [], timestampMilliseconds: Int64
    ) {
        var encoded = GrowingBytes()
        for header in headers { header.encode(into: &encoded) }
        let view = RecordHeadersView(count: headers.count, bytes: encoded.span)
        append(
            key: key?.span.bytes, value: value?.span.bytes, headers: view,
            timestampMilliseconds: timestampMilliseconds)
    }

    /// Appends a record of the batch that is being written anew, at the offset it has there.
    ///
    /// - Precondition: the batch was begun with that batch's identity, and its records come in
    ///   order.
    public mutating func append(_ record: borrowing RecordView, of batch: borrowing RecordBatchView)
    {
        precondition(
            record.offsetDelta > lastOffsetDelta && identity.baseOffset == batch.header.baseOffset,
            "record \(record.offsetDelta) behind \(lastOffsetDelta)")
        lastOffsetDelta = record.offsetDelta - 1
        append(
            key: record.key, value: record.value, headers: record.headers,
            timestampMilliseconds: batch.header.baseTimestampMilliseconds &+ record.timestampDelta)
    }

    /// Writes the header and the checksum; ``bytes`` is then the finished batch.
    ///
    /// - Parameter lastOffset: where the batch ends, if behind its last record: a batch written
    ///   anew keeps its range.
    public mutating func seal(lastOffset: Offset? = nil) {
        if let lastOffset {
            let delta = identity.baseOffset.distance(to: lastOffset)
            precondition(delta >= Int(lastOffsetDelta), "a batch cannot end before its last record")
            lastOffsetDelta = Int32(delta)
        }
        precondition(
            buffer.count - RecordBatchHeader.lengthOverhead <= Int(Int32.max), "batch too large")
        let length = Int32(buffer.count - RecordBatchHeader.lengthOverhead)
        buffer.patch(identity.baseOffset.value, at: Place.baseOffset)
        buffer.patch(length, at: Place.length)
        buffer.patch(identity.leaderEpoch, at: Place.leaderEpoch)
        buffer.patch(RecordBatchHeader.currentMagic, at: Place.magic)
        buffer.patch(identity.attributes.rawValue, at: Place.attributes)
        buffer.patch(lastOffsetDelta, at: Place.lastOffsetDelta)
        let maxTimestamp = identity.appendTimeMilliseconds ?? self.maxTimestamp
        buffer.patch(recordCount == 0 ? -1 : baseTimestamp, at: Place.baseTimestamp)
        buffer.patch(recordCount == 0 ? -1 : maxTimestamp, at: Place.maxTimestamp)
        buffer.patch(identity.producerID.value, at: Place.producerID)
        buffer.patch(identity.producerEpoch, at: Place.producerEpoch)
        buffer.patch(identity.baseSequence, at: Place.baseSequence)
        buffer.patch(Int32(recordCount), at: Place.recordCount)
        buffer.patch(crc32c(buffer.span.from(Place.attributes)), at: Place.crc)
        isSealed = true
    }

    /// The sealed batch.
    public var bytes: RawSpan {
        @_lifetime(borrow self) get {
            precondition(isSealed, "a batch is read before it is sealed")
            return buffer.span
        }
    }

    /// Writes a record up to its key and counts it. The caller then writes exactly the announced
    /// key, value, header count and headers.
    mutating func openRecord(
        keyByteCount: Int?, valueByteCount: Int?, headerCount: Int, headersByteCount: Int,
        timestampMilliseconds: Int64
    ) {
        precondition(!isSealed, "a record is appended to a sealed batch")
        if recordCount == 0 {
            baseTimestamp = identity.baseTimestampMilliseconds ?? timestampMilliseconds
            maxTimestamp = timestampMilliseconds
        } else if timestampMilliseconds > maxTimestamp {
            maxTimestamp = timestampMilliseconds
        }
        recordCount += 1
        lastOffsetDelta += 1
        let timestampDelta = timestampMilliseconds &- baseTimestamp
        let bodyByteCount =
            1 + ByteWriter.varintByteCount(timestampDelta)
            + ByteWriter.varintByteCount(Int64(lastOffsetDelta))
            + Self.nullableByteCount(keyByteCount) + Self.nullableByteCount(valueByteCount)
            + ByteWriter.varintByteCount(Int64(headerCount)) + headersByteCount
        buffer.reserve(bodyByteCount + 5)
        buffer.varint(Int64(bodyByteCount))
        buffer.append(byte: 0)
        buffer.varint(timestampDelta)
        buffer.varint(Int64(lastOffsetDelta))
    }

    mutating func writeNullable(_ bytes: RawSpan?) {
        guard let bytes else { return buffer.varint(-1) }
        buffer.varint(Int64(bytes.byteCount))
        buffer.append(bytes)
    }

    static func nullableByteCount(_ byteCount: Int?) -> Int {
        guard let byteCount else { return 1 }
        return ByteWriter.varintByteCount(Int64(byteCount)) + byteCount
    }
}

/// A record header as a value.
public struct RecordHeader: Hashable, Sendable {
    public var name: String
    /// Nil is not the same as empty.
    public var value: [UInt8]?

    public init(_ name: String, _ value: [UInt8]?) {
        self.name = name
        self.value = value
    }

    public init(_ name: String, _ text: String) {
        self.init(name, Array(text.utf8))
    }

    func encode(into output: inout GrowingBytes) {
        let nameBytes = Array(name.utf8)
        output.varint(Int64(nameBytes.count))
        output.append(nameBytes)
        guard let value else { return output.varint(-1) }
        output.varint(Int64(value.count))
        output.append(value)
    }
}
