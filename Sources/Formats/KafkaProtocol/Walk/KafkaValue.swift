public import Model

/// Anything that has a form on the wire: integers, text, uuids, arrays and structs.
public protocol KafkaValue: Equatable, Sendable {
    init()

    /// The fewest bytes that a value takes; a count of more elements than fit is refused unread.
    static var minimumByteCount: Int { get }

    mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure)
}

extension KafkaValue {
    public static var minimumByteCount: Int { 1 }
}

/// A value that the wire can also carry as null.
public protocol KafkaNullable: KafkaValue {
    static func walkNullable<W: Walker>(
        _ value: inout Self?, _ w: inout W, nullable: Bool) throws(W.Failure)
}

/// A struct of the protocol: fields one after the other and, in flexible versions, tagged fields
/// behind them.
public protocol KafkaStruct: KafkaValue {
    /// The fields, in the order of the wire.
    mutating func walk<W: Walker>(_ w: inout W) throws(W.Failure)

    /// The tagged fields, by rising tag.
    mutating func walkTagged<W: Walker>(_ w: inout W) throws(W.Failure)
}

extension KafkaStruct {
    /// A struct whose fields `fill` sets; those it leaves alone keep the protocol's defaults.
    @inlinable
    public init<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) {
        self.init()
        try fill(&self)
    }

    public mutating func walkTagged<W: Walker>(_: inout W) throws(W.Failure) {}

    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.structure(&self)
    }
}

/// An integer of the protocol, sent big endian.
public protocol KafkaInteger: KafkaValue, FixedWidthInteger, BitwiseCopyable {}

extension KafkaInteger {
    public static var minimumByteCount: Int { MemoryLayout<Self>.size }

    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.integer(&self)
    }
}

extension Int8: KafkaInteger {}
extension Int16: KafkaInteger {}
extension Int32: KafkaInteger {}
extension Int64: KafkaInteger {}

extension Bool: KafkaValue {
    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.boolean(&self)
    }
}

extension KafkaError: KafkaValue {
    public init() { self = .none }

    public static var minimumByteCount: Int { 2 }

    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.errorCode(&self)
    }
}

extension TopicID: KafkaValue {
    public init() { self = .none }

    public static var minimumByteCount: Int { 16 }

    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        try w.uuid(&self)
    }
}

extension String: KafkaNullable {
    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        var value: String? = self
        try w.text(&value, nullable: false)
        self = value ?? ""
    }

    public static func walkNullable<W: Walker>(
        _ value: inout String?, _ w: inout W, nullable: Bool
    ) throws(W.Failure) {
        try w.text(&value, nullable: nullable)
    }
}

extension Array: KafkaValue where Element: KafkaValue {
    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        var value: [Element]? = self
        try w.elements(&value, nullable: false)
        self = value ?? []
    }
}

extension Array: KafkaNullable where Element: KafkaValue {
    public static func walkNullable<W: Walker>(
        _ value: inout [Element]?, _ w: inout W, nullable: Bool
    ) throws(W.Failure) {
        try w.elements(&value, nullable: nullable)
    }
}

extension Optional: KafkaValue where Wrapped: KafkaNullable {
    public init() { self = nil }

    public mutating func walkValue<W: Walker>(_ w: inout W) throws(W.Failure) {
        try Wrapped.walkNullable(&self, &w, nullable: true)
    }
}
