import Bytes
public import Model

/// The walker that counts the bytes that ``KafkaEncoder`` would write.
public struct KafkaSizer: KafkaWalker {
    public typealias Failure = Never

    public let version: Int16
    let isFlexible: Bool
    private(set) var byteCount = 0
    private var tagCount: UInt64 = 0

    init(version: Int16, isFlexible: Bool) {
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
        tagCount += 1
        let before = byteCount
        let outerTagCount = tagCount
        value.walkValue(&self)
        tagCount = outerTagCount
        byteCount +=
            ByteWriter.unsignedVarintByteCount(UInt64(tag))
            + ByteWriter.unsignedVarintByteCount(UInt64(byteCount - before))
    }

    public mutating func bytes(_: StaticString, _ value: inout [UInt8]) {
        sized(value.count, lengthByteCount: 4)
    }

    public mutating func bytes(_: StaticString, _ value: inout [UInt8]?) {
        sized(value?.count, lengthByteCount: 4)
    }

    public mutating func frameBytes(_: StaticString, _ value: inout Range<Int>?) {
        sized(value?.count, lengthByteCount: 4)
    }

    public mutating func boolean(_: inout Bool) {
        byteCount += 1
    }

    public mutating func integer<Value: KafkaInteger>(_: inout Value) {
        byteCount += MemoryLayout<Value>.size
    }

    public mutating func errorCode(_: inout KafkaError) {
        byteCount += 2
    }

    public mutating func uuid(_: inout TopicID) {
        byteCount += 16
    }

    public mutating func text(_ value: inout String?, nullable: Bool) {
        let count = value.map { $0.cutToWireLength().utf8.count }
        sized(count ?? (nullable ? nil : 0), lengthByteCount: 2)
    }

    public mutating func elements<Element: KafkaValue>(
        _ value: inout [Element]?, nullable: Bool
    ) {
        guard let value else { return sized(nullable ? nil : 0, lengthByteCount: 4) }
        byteCount += isFlexible ? ByteWriter.unsignedVarintByteCount(UInt64(value.count) + 1) : 4
        for var element in value { element.walkValue(&self) }
    }

    public mutating func structure<Structure: KafkaStruct>(_ value: inout Structure) {
        value.walk(&self)
        guard isFlexible else { return }
        tagCount = 0
        value.walkTagged(&self)
        byteCount += ByteWriter.unsignedVarintByteCount(tagCount)
    }

    /// A length of `lengthByteCount` bytes, or its compact form, and the bytes behind it; nil for
    /// null.
    private mutating func sized(_ count: Int?, lengthByteCount: Int) {
        byteCount +=
            isFlexible
            ? ByteWriter.unsignedVarintByteCount(count.map { UInt64($0) + 1 } ?? 0)
            : lengthByteCount
        byteCount += count ?? 0
    }
}
