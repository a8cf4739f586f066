public import Bytes
public import Model

/// The walker that fills a message from bytes.
///
/// Every length and count is checked against the bytes that are left before anything is allocated
/// for it, and a message may hold ``maximumElementCount`` array elements in all. Bytes behind the
/// message are left unread.
public struct KafkaDecoder: KafkaWalker, ~Escapable {
    /// Far beyond any real request, and a bound on what a hostile one of many tiny elements can
    /// make us allocate.
    public static let maximumElementCount = 1 << 20
    /// Source: Kafka's own limit, which also holds for the compact form.
    public static let maximumStringByteCount = Int(Int16.max)

    public let version: Int16
    let isFlexible: Bool
    private var reader: ByteReader
    /// The tag whose field is wanted while tagged fields are walked; -1 once it was found.
    private var wantedTag = -1
    private var elementBudget = maximumElementCount

    @_lifetime(copy reader)
    init(_ reader: ByteReader, version: Int16, isFlexible: Bool) {
        self.reader = reader
        self.version = version
        self.isFlexible = isFlexible
    }

    var position: Int { reader.position }

    public mutating func field<Value: KafkaValue>(
        _: StaticString, _ value: inout Value
    ) throws(MalformedBytes) {
        try value.walkValue(&self)
    }

    public mutating func field<Value: KafkaNullable>(
        _: StaticString, _ value: inout Value?, nullableSince: Int16
    ) throws(MalformedBytes) {
        try Value.walkNullable(&value, &self, nullable: version >= nullableSince)
    }

    public mutating func tagged<Value: KafkaValue>(
        _ tag: Int, _: StaticString, _ value: inout Value, default: Value
    ) throws(MalformedBytes) {
        guard tag == wantedTag else { return }
        wantedTag = -1
        try value.walkValue(&self)
    }

    public mutating func bytes(
        _: StaticString, _ value: inout [UInt8]
    ) throws(MalformedBytes) {
        guard let count = try byteCount() else { throw .badLength(-1) }
        value = Array(copying: try reader.bytes(count))
    }

    public mutating func bytes(
        _: StaticString, _ value: inout [UInt8]?
    ) throws(MalformedBytes) {
        guard let count = try byteCount() else {
            value = nil
            return
        }
        value = Array(copying: try reader.bytes(count))
    }

    public mutating func frameBytes(
        _: StaticString, _ value: inout Range<Int>?
    ) throws(MalformedBytes) {
        guard let count = try byteCount() else {
            value = nil
            return
        }
        let start = reader.position
        try reader.skip(count)
        value = start..<start + count
    }

    public mutating func boolean(_ value: inout Bool) throws(MalformedBytes) {
        value = try reader.int(Int8.self) != 0
    }

    public mutating func integer<Value: KafkaInteger>(
        _ value: inout Value
    ) throws(MalformedBytes) {
        value = try reader.int(Value.self)
    }

    public mutating func errorCode(_ value: inout KafkaError) throws(MalformedBytes) {
        value = KafkaError(rawValue: try reader.int()) ?? .unknownServerError
    }

    public mutating func uuid(_ value: inout TopicID) throws(MalformedBytes) {
        let high = try reader.int(UInt64.self)
        value = TopicID(high: high, low: try reader.int())
    }

    public mutating func text(_ value: inout String?, nullable: Bool) throws(MalformedBytes) {
        guard let count = try textByteCount() else {
            guard nullable else { throw .badLength(-1) }
            value = nil
            return
        }
        guard count <= Self.maximumStringByteCount else { throw .badLength(count) }
        value = try reader.string(count)
    }

    public mutating func elements<Element: KafkaValue>(
        _ value: inout [Element]?, nullable: Bool
    ) throws(MalformedBytes) {
        guard let count = try byteCount() else {
            guard nullable else { throw .badLength(-1) }
            value = nil
            return
        }
        guard count <= reader.remaining / Element.minimumByteCount, count <= elementBudget else {
            throw .badLength(count)
        }
        elementBudget -= count
        var elements: [Element] = []
        elements.reserveCapacity(min(count, 1024))
        for _ in 0..<count {
            var element = Element()
            try element.walkValue(&self)
            elements.append(element)
        }
        value = elements
    }

    public mutating func structure<Structure: KafkaStruct>(
        _ value: inout Structure
    ) throws(MalformedBytes) {
        try value.walk(&self)
        if isFlexible { try taggedFields(of: &value) }
    }

    private mutating func taggedFields<Structure: KafkaStruct>(
        of value: inout Structure
    ) throws(MalformedBytes) {
        var left = try reader.unsignedVarint()
        while left > 0 {
            left -= 1
            let tag = try unsigned32()
            let size = try unsigned32()
            guard size <= reader.remaining else { throw .badLength(size) }
            let end = reader.position + size
            wantedTag = tag
            try value.walkTagged(&self)
            if wantedTag == tag {
                wantedTag = -1
                try reader.skip(size)
            } else if reader.position != end {
                throw .badLength(size)
            }
        }
    }

    /// The length of bytes, or the count of an array; nil for null.
    private mutating func byteCount() throws(MalformedBytes) -> Int? {
        if isFlexible { return try compactCount() }
        return try checked(Int(reader.int(Int32.self)))
    }

    private mutating func textByteCount() throws(MalformedBytes) -> Int? {
        if isFlexible { return try compactCount() }
        return try checked(Int(reader.int(Int16.self)))
    }

    private mutating func compactCount() throws(MalformedBytes) -> Int? {
        let raw = try unsigned32()
        return raw == 0 ? nil : raw - 1
    }

    private func checked(_ count: Int) throws(MalformedBytes) -> Int? {
        if count == -1 { return nil }
        guard count >= 0 else { throw .badLength(count) }
        return count
    }

    private mutating func unsigned32() throws(MalformedBytes) -> Int {
        let raw = try reader.unsignedVarint()
        guard raw <= UInt64(UInt32.max) else { throw .varintTooLong }
        return Int(raw)
    }
}
