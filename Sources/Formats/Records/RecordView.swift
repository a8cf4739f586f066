import Bytes

/// One record, borrowed.
///
///     varint    length of all that follows
///     int8      attributes, 0
///     varlong   timestamp delta, from the batch's base timestamp
///     varint    offset delta, from the batch's base offset
///     varint    key length (-1: no key), key
///     varint    value length (-1: no value, a tombstone), value
///     varint    header count, then each header:
///               varint name length, name in UTF-8, varint value length (-1: no value), value
///
/// Source: Kafka documentation, "Record".
public struct RecordView: ~Escapable {
    public let attributes: Int8
    public let timestampDelta: Int64
    public let offsetDelta: Int32
    /// Nil is not the same as empty.
    public let key: RawSpan?
    /// Nil is a tombstone.
    public let value: RawSpan?
    public let headers: RecordHeadersView

    @_lifetime(copy body)
    init(body: RawSpan) throws(MalformedBytes) {
        var reader = ByteReader(body)
        attributes = try reader.int()
        timestampDelta = try reader.varint()
        offsetDelta = try reader.varint32()
        key = try reader.nullableBytes()
        value = try reader.nullableBytes()
        let count = try reader.varint32()
        // A header takes at least two bytes.
        guard count >= 0, Int(count) <= reader.remaining / 2 else { throw .badLength(Int(count)) }
        headers = RecordHeadersView(count: Int(count), bytes: body.from(reader.position))
    }
}

/// The headers of a record, in their order, duplicates included; borrowed and not yet walked.
public struct RecordHeadersView: ~Escapable {
    public let count: Int
    /// The encoded headers, without their count.
    public let bytes: RawSpan

    @_lifetime(copy bytes)
    init(count: Int, bytes: RawSpan) {
        self.count = count
        self.bytes = bytes
    }

    /// No headers.
    @_lifetime(immortal)
    public init() {
        count = 0
        bytes = RawSpan()
    }

    @_lifetime(copy self)
    public func makeCursor() -> RecordHeaderCursor { RecordHeaderCursor(self) }
}

/// One header of a record, borrowed. Kafka allows a null value, but no null name.
public struct RecordHeaderView: ~Escapable {
    public let name: RawSpan
    public let value: RawSpan?

    @_lifetime(copy name, copy value)
    init(name: RawSpan, value: RawSpan?) {
        self.name = name
        self.value = value
    }
}

/// Walks the headers of a record.
public struct RecordHeaderCursor: ~Escapable {
    private var reader: ByteReader
    private var left: Int

    @_lifetime(copy headers)
    init(_ headers: RecordHeadersView) {
        reader = ByteReader(headers.bytes)
        left = headers.count
    }

    /// The next header; nil behind the last.
    ///
    /// - Throws: also where bytes are left over behind the last header.
    @_lifetime(copy self)
    public mutating func next() throws(MalformedBytes) -> RecordHeaderView? {
        guard left > 0 else {
            guard reader.isAtEnd else { throw .badLength(reader.remaining) }
            return nil
        }
        left -= 1
        let nameByteCount = try reader.varint32()
        let name = try reader.bytes(Int(nameByteCount))
        let value = try reader.nullableBytes()
        return RecordHeaderView(name: name, value: value)
    }
}

/// Walks the records of an uncompressed payload.
public struct RecordCursor: ~Escapable {
    private var reader: ByteReader
    private var left: Int

    /// - Parameter count: the batch header's record count; the payload must hold exactly as many.
    @_lifetime(copy payload)
    public init(_ payload: RawSpan, count: Int) {
        reader = ByteReader(payload)
        left = count
    }

    /// How many bytes, and how many records are left: another cursor goes on from here.
    public var position: Int { reader.position }
    public var recordsLeft: Int { left }

    /// The next record; nil behind the last.
    ///
    /// - Throws: also where bytes are left over behind the last record.
    @_lifetime(copy self)
    public mutating func next() throws(MalformedBytes) -> RecordView? {
        guard left > 0 else {
            guard reader.isAtEnd else { throw .badLength(reader.remaining) }
            return nil
        }
        left -= 1
        let byteCount = try reader.varint32()
        let body = try reader.bytes(Int(byteCount))
        return try RecordView(body: body)
    }
}

extension ByteReader {
    /// A zig-zag varint of at most 32 bits.
    mutating func varint32() throws(MalformedBytes) -> Int32 {
        guard let value = Int32(exactly: try varint()) else { throw .varintTooLong }
        return value
    }

    /// A varint length and as many bytes; nil for length -1.
    @_lifetime(copy self)
    mutating func nullableBytes() throws(MalformedBytes) -> RawSpan? {
        let count = try varint32()
        if count == -1 { return nil }
        return try bytes(Int(count))
    }
}
