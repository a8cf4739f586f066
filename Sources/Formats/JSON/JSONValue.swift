/// A JSON value as it was written: numbers keep their literal, objects their order and duplicates.
///
/// Sequences and times of both protocols need all 64 bits of an integer, and strict JetStream requests need the
/// order and the names of unknown fields, so nothing is converted before somebody asks.
/// Source: RFC 8259.
public indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The literal, for example `-12.5e3`.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])
}

/// One `name: value` of an object.
public struct JSONMember: Equatable, Sendable {
    public var name: String
    public var value: JSONValue

    public init(name: String, value: JSONValue) {
        self.name = name
        self.value = value
    }
}

extension JSONValue {
    /// The value of the first member called `name`, if this is an object that has one.
    public subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    public var bool: Bool? {
        guard case .bool(let flag) = self else { return nil }
        return flag
    }

    public var array: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    public var object: [JSONMember]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    public var isNull: Bool { self == .null }

    /// The number as an integer, or nil where it has a fraction, an exponent or too many digits for `type`.
    public func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T? {
        guard case .number(let literal) = self else { return nil }
        return T(literal)
    }

    public var double: Double? {
        guard case .number(let literal) = self else { return nil }
        return Double(literal)
    }

    /// What Go's decoder calls this kind of value in its messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "bool"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}
