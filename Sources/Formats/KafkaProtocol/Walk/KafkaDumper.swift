public import Model

/// The walker that shows a message to people: one line, names as in the protocol guide.
///
///     {ErrorCode: none, ApiKeys: [{ApiKey: 18, MinVersion: 0, MaxVersion: 4}], ThrottleTimeMs: 0}
///
/// Bytes are shown as their count; tagged fields that have their default are left out.
public struct KafkaDumper: KafkaWalker {
    public typealias Failure = Never

    public let version: Int16
    let isFlexible: Bool
    private(set) var output = ""
    private var isFirst = true

    init(version: Int16, isFlexible: Bool) {
        self.version = version
        self.isFlexible = isFlexible
    }

    public mutating func field<Value: KafkaValue>(_ name: StaticString, _ value: inout Value) {
        label(name)
        value.walkValue(&self)
    }

    public mutating func field<Value: KafkaNullable>(
        _ name: StaticString, _ value: inout Value?, nullableSince: Int16
    ) {
        label(name)
        Value.walkNullable(&value, &self, nullable: version >= nullableSince)
    }

    public mutating func tagged<Value: KafkaValue>(
        _: Int, _ name: StaticString, _ value: inout Value, default: Value
    ) {
        guard value != `default` else { return }
        label(name)
        value.walkValue(&self)
    }

    public mutating func bytes(_ name: StaticString, _ value: inout [UInt8]) {
        label(name)
        output += "\(value.count) bytes"
    }

    public mutating func bytes(_ name: StaticString, _ value: inout [UInt8]?) {
        label(name)
        output += value.map { "\($0.count) bytes" } ?? "null"
    }

    public mutating func frameBytes(_ name: StaticString, _ value: inout Range<Int>?) {
        label(name)
        output += value.map { "\($0.count) bytes" } ?? "null"
    }

    public mutating func boolean(_ value: inout Bool) {
        output += value ? "true" : "false"
    }

    public mutating func integer<Value: KafkaInteger>(_ value: inout Value) {
        output += String(value)
    }

    public mutating func errorCode(_ value: inout KafkaError) {
        output += value.name
    }

    public mutating func uuid(_ value: inout TopicID) {
        output += Self.padded(value.high) + Self.padded(value.low)
    }

    public mutating func text(_ value: inout String?, nullable: Bool) {
        output += value.map { $0.debugDescription } ?? (nullable ? "null" : "\"\"")
    }

    public mutating func elements<Element: KafkaValue>(
        _ value: inout [Element]?, nullable: Bool
    ) {
        guard let value else {
            output += nullable ? "null" : "[]"
            return
        }
        output += "["
        for (index, var element) in value.enumerated() {
            if index > 0 { output += ", " }
            element.walkValue(&self)
        }
        output += "]"
    }

    public mutating func structure<Structure: KafkaStruct>(_ value: inout Structure) {
        output += "{"
        isFirst = true
        value.walk(&self)
        if isFlexible { value.walkTagged(&self) }
        output += "}"
        isFirst = false
    }

    private mutating func label(_ name: StaticString) {
        if !isFirst { output += ", " }
        isFirst = false
        output += "\(name): "
    }

    private static func padded(_ half: UInt64) -> String {
        let digits = String(half, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
