import Bytes
public import Model

/// The walker that writes a message.
///
/// A string longer than the 32,767 bytes that the protocol allows is cut at the end of a character:
/// it can only be a message to people, for the decoder refuses such strings.
public struct KafkaEncoder: KafkaWalker, ~Escapable {
    public typealias Failure = Never

    public let version: Int16
    let isFlexible: Bool
    var writer: ByteWriter
    /// Where ``frameBytes(_:_:)`` ranges point to.
    private let frame: RawSpan
    /// While tagged fields are walked: whether they are counted first, or written.
    private var isCountingTags = false
    private var tagCount: UInt64 = 0

    @_lifetime(copy frame)
    init(_ writer: consuming ByteWriter, frame: RawSpan, version: Int16, isFlexible: Bool) {
        self.writer = writer
        self.frame = frame
        self.version = version
        self.isFlexible = isFlexible
    }

    public mutating func field<Value: KafkaValue>(_: StaticString, _ value: inout Value) {
        value.walkValue(&self)
    }

    public mutating func field<Value: KafkaNullable>(
        _: StaticString, _ value: inout Value?, nullableSince: Int16
    ) {
        Value.walkNullable(&value, &self, nullable: version >= nullableSince)
    }

    public mutating func tagged<Value: KafkaValue>(
        _ tag: Int, _: StaticString, _ value: inout Value, default: Value
    ) {
        guard value != `default` else { return }
        if isCountingTags {
            tagCount += 1
            return
        }
        var sizer = KafkaSizer(version: version, isFlexible: isFlexible)
        value.walkValue(&sizer)
        writer.unsignedVarint(UInt64(tag))
        writer.unsignedVarint(UInt64(sizer.byteCount))
        value.walkValue(&self)
    }

    public mutating func bytes(_: StaticString, _ value: inout [UInt8]) {
        byteCount(value.count)
        writer.append(value)
    }

    public mutating func bytes(_: StaticString, _ value: inout [UInt8]?) {
        byteCount(value?.count)
        if let value { writer.append(value) }
    }

    public mutating func frameBytes(_: StaticString, _ value: inout Range<Int>?) {
        byteCount(value?.count)
        if let value { writer.append(frame.extracting(value)) }
    }

    public mutating func boolean(_ value: inout Bool) {
        writer.int(value ? 1 as Int8 : 0)
    }

    public mutating func integer<Value: KafkaInteger>(_ value: inout Value) {
        writer.int(value)
    }

    public mutating func errorCode(_ value: inout KafkaError) {
        writer.int(value.rawValue)
    }

    public mutating func uuid(_ value: inout TopicID) {
        writer.int(value.high)
        writer.int(value.low)
    }

    public mutating func text(_ value: inout String?, nullable: Bool) {
        guard let text = value ?? (nullable ? nil : "") else {
            if isFlexible { writer.unsignedVarint(0) } else { writer.int(-1 as Int16) }
            return
        }
        let sendable = text.cutToWireLength()
        let count = sendable.utf8.count
        if isFlexible {
            writer.unsignedVarint(UInt64(count + 1))
        } else {
            writer.int(Int16(count))
        }
        writer.append(sendable)
    }

    public mutating func elements<Element: KafkaValue>(
        _ value: inout [Element]?, nullable: Bool
    ) {
        byteCount(value?.count ?? (nullable ? nil : 0))
        guard let value else { return }
        for var element in value { element.walkValue(&self) }
    }

    public mutating func structure<Structure: KafkaStruct>(_ value: inout Structure) {
        value.walk(&self)
        taggedFields(of: &value)
    }

    /// Ends a struct: writes its tagged fields, in flexible versions.
    mutating func taggedFields<Structure: KafkaStruct>(of value: inout Structure) {
        guard isFlexible else { return }
        isCountingTags = true
        tagCount = 0
        value.walkTagged(&self)
        isCountingTags = false
        writer.unsignedVarint(tagCount)
        if tagCount > 0 { value.walkTagged(&self) }
    }

    /// The length of bytes, or the count of an array; nil for null.
    mutating func byteCount(_ count: Int?) {
        if isFlexible {
            writer.unsignedVarint(count.map { UInt64($0) + 1 } ?? 0)
        } else {
            writer.int(Int32(count ?? -1))
        }
    }
}

extension String {
    /// The text, or as many whole characters of it as the protocol can carry.
    func cutToWireLength() -> String {
        let limit = KafkaDecoder.maximumStringByteCount
        guard utf8.count > limit else { return self }
        var end = utf8.index(startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil { utf8.formIndex(before: &end) }
        return String(self[..<end])
    }
}
