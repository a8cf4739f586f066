import Bytes
import JSON
import Model

/// One member of a JSON request, with the name that Go's decoder would give it in an error.
///
/// A null leaves what it would set untouched, as in Go.
public struct RequestField {
    /// In small letters, since Go's decoder takes capital ones for the same.
    public let name: String
    public let value: JSONValue
    private let written: String
    private let path: String

    init(name: String, value: JSONValue, path: String) {
        self.name = name.utf8.contains { 65...90 ~= $0 } ? name.lowercased() : name
        written = name
        self.value = value
        self.path = path
    }

    /// Whether a request says nothing: no bytes, or an object without members.
    public static func isNothing(_ payload: RawSpan) -> Bool {
        if payload.byteCount == 0 { return true }
        return (try? JSONValue.parse(payload))?.object?.isEmpty == true
    }

    /// The members of a request that is looked at only where it begins like an object or an array;
    /// all other text counts as none.
    ///
    /// - Throws: as ``all(in:type:)``.
    public static func allOfObject(in payload: RawSpan, type: String) throws(JetStreamError)
        -> [RequestField]
    {
        switch firstByte(of: payload) {
        case UInt8(ascii: "{"), UInt8(ascii: "["): try all(in: payload, type: type)
        default: []
        }
    }

    static func isBlank(_ payload: RawSpan) -> Bool { firstByte(of: payload) == nil }

    /// The first that is no white space.
    private static func firstByte(of payload: RawSpan) -> UInt8? {
        for index in 0..<payload.byteCount {
            let byte = payload[byteAt: index]
            if ![0x20, 0x09, 0x0A, 0x0D].contains(byte) { return byte }
        }
        return nil
    }

    /// The members of a request's JSON; none for a payload of nothing but white space.
    ///
    /// - Throws: 10025 for text that is no JSON object, with the sentence of Go's decoder.
    public static func all(in payload: RawSpan, type: String) throws(JetStreamError)
        -> [RequestField]
    {
        if firstByte(of: payload) == nil { return [] }
        let parsed: JSONValue
        do {
            parsed = try JSONValue.parse(payload)
        } catch {
            throw .invalidJSON(error == .unexpectedEnd ? "unexpected EOF" : error.description)
        }
        return try all(in: parsed, type: type)
    }

    public static func all(in value: JSONValue, type: String) throws(JetStreamError)
        -> [RequestField]
    {
        if value.isNull { return [] }
        guard let members = value.object else {
            throw .invalidJSON(
                "json: cannot unmarshal \(value.kind) into Go value of type server.\(type)")
        }
        return members.map {
            RequestField(name: $0.name, value: $0.value, path: "\(type).\($0.name)")
        }
    }

    /// What strict mode answers to a member that the request does not have.
    public var unknown: JetStreamError {
        .invalidJSON("json: unknown field \"\(written)\"")
    }

    /// The members of a nested object; nil for null.
    public func object() throws(JetStreamError) -> [RequestField]? {
        if value.isNull { return nil }
        guard let members = value.object else { throw mismatch("server.\(name)") }
        return members.map {
            RequestField(name: $0.name, value: $0.value, path: "\(path).\($0.name)")
        }
    }

    public func objects() throws(JetStreamError) -> [[RequestField]] {
        if value.isNull { return [] }
        guard let elements = value.array else { throw mismatch("[]server.\(name)") }
        var result: [[RequestField]] = []
        for element in elements {
            let field = RequestField(name: name, value: element, path: path)
            if let object = try field.object() { result.append(object) }
        }
        return result
    }

    public func set(_ target: inout String) throws(JetStreamError) {
        if value.isNull { return }
        guard let text = value.string else { throw mismatch("string") }
        target = text
    }

    public func set(_ target: inout Bool) throws(JetStreamError) {
        if value.isNull { return }
        guard let flag = value.bool else { throw mismatch("bool") }
        target = flag
    }

    public func set<T: FixedWidthInteger>(
        _ target: inout T, as type: String? = nil
    ) throws(JetStreamError) {
        if value.isNull { return }
        guard let number = value.integer(T.self) else {
            throw mismatch(type ?? "\(T.self)".lowercased())
        }
        target = number
    }

    /// A duration in nanoseconds.
    public func setDuration(_ target: inout Int64) throws(JetStreamError) {
        try set(&target, as: "time.Duration")
    }

    public func set(_ target: inout [String]) throws(JetStreamError) {
        if value.isNull { return }
        guard let elements = value.array else { throw mismatch("[]string") }
        var strings: [String] = []
        for element in elements {
            guard let text = element.string else {
                throw RequestField(name: name, value: element, path: path).mismatch("string")
            }
            strings.append(text)
        }
        target = strings
    }

    public func setDurations(_ target: inout [Int64]) throws(JetStreamError) {
        if value.isNull { return }
        guard let elements = value.array else { throw mismatch("[]time.Duration") }
        var durations: [Int64] = []
        for element in elements {
            var duration: Int64 = 0
            try RequestField(name: name, value: element, path: path).setDuration(&duration)
            durations.append(duration)
        }
        target = durations
    }

    public func set(_ target: inout [String: String]) throws(JetStreamError) {
        if value.isNull { return }
        guard let members = value.object else { throw mismatch("map[string]string") }
        var pairs: [String: String] = [:]
        for member in members {
            guard let text = member.value.string else {
                throw RequestField(name: name, value: member.value, path: path).mismatch("string")
            }
            pairs[member.name] = text
        }
        target = pairs
    }

    public func set(_ target: inout Timestamp?) throws(JetStreamError) {
        if value.isNull { return }
        guard let text = value.string else {
            throw .invalidJSON("Time.UnmarshalJSON: input is not a JSON string")
        }
        if text == Timestamp.zeroText {
            target = nil
            return
        }
        guard let time = Timestamp(rfc3339: text) else {
            throw .invalidJSON(
                "parsing time \"\(text)\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\(text)\""
            )
        }
        target = time
    }

    public func set<T: RequestChoice>(_ target: inout T) throws(JetStreamError) {
        guard let text = value.string, let choice = T(rawValue: text) else {
            throw .invalidJSON(T.unknownText(value))
        }
        target = choice
    }

    func mismatch(_ type: String) -> JetStreamError {
        var found = value.kind
        if case .number(let literal) = value, type != "string", type != "bool" {
            found += " \(literal)"
        }
        return .invalidJSON(
            "json: cannot unmarshal \(found) into Go struct field \(path) of type \(type)")
    }
}

/// A setting with a fixed list of words.
public protocol RequestChoice: RawRepresentable, Sendable where RawValue == String {
    /// The sentence for a word that is not in the list.
    static func unknownText(_ value: JSONValue) -> String
}

extension RequestChoice {
    public static func unknownText(_ value: JSONValue) -> String {
        var json = JSONWriter()
        json.value(value)
        var quoted = JSONWriter()
        quoted.value(json.text)
        return "can not unmarshal \(quoted.text)"
    }
}
