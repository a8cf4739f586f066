public import JSON

/// Reads the fields of a claim. One that is missing or null reads as its zero; one of another type
/// makes the claim invalid.
public struct ClaimFields: Sendable {
    public let value: JSONValue

    public init(_ value: JSONValue) { self.value = value }

    func find(_ name: String) -> JSONValue? {
        guard let found = value[name], !found.isNull else { return nil }
        return found
    }

    func text(_ name: String) throws(JWTFault) -> String {
        guard let found = find(name) else { return "" }
        guard let text = found.string else { throw .wrongField(name) }
        return text
    }

    func integer(_ name: String) throws(JWTFault) -> Int64 {
        guard let found = find(name) else { return 0 }
        guard let number = found.integer(Int64.self) else { throw .wrongField(name) }
        return number
    }

    func flag(_ name: String) throws(JWTFault) -> Bool {
        guard let found = find(name) else { return false }
        guard let flag = found.bool else { throw .wrongField(name) }
        return flag
    }

    func texts(_ name: String) throws(JWTFault) -> [String] {
        try list(name).map { element throws(JWTFault) in
            guard let text = element.string else { throw .wrongField(name) }
            return text
        }
    }

    func list(_ name: String) throws(JWTFault) -> [JSONValue] {
        guard let found = find(name) else { return [] }
        guard let list = found.array else { throw .wrongField(name) }
        return list
    }

    /// An object; empty if it is missing.
    func fields(_ name: String) throws(JWTFault) -> ClaimFields {
        guard let found = find(name) else { return ClaimFields(.object([])) }
        guard found.object != nil else { throw .wrongField(name) }
        return ClaimFields(found)
    }

    func members(_ name: String) throws(JWTFault) -> [JSONMember] {
        try fields(name).value.object ?? []
    }
}
