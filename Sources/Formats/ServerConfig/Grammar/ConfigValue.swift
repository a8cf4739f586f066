/// What a configuration file says for one key, before anybody asked what the key means.
public enum ConfigValue: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    /// ISO 8601 in full Zulu form, as it was written.
    case date(String)
    case array([ConfigNode])
    case map(ConfigMap)
}

/// A value and where it stands: at its key, or in an array where it begins.
public struct ConfigNode: Sendable, Equatable {
    public var value: ConfigValue
    public var position: SourcePosition
    /// How many values there are in it, itself included. Values that variables repeat count each time.
    let weight: Int

    init(_ value: ConfigValue, at position: SourcePosition) {
        self.value = value
        self.position = position
        weight =
            switch value {
            case .array(let nodes): nodes.reduce(1) { $0 + $1.weight }
            case .map(let map): map.entries.reduce(1) { $0 + $1.node.weight }
            default: 1
            }
    }
}

/// Keys and values in the order of the file. A key that comes again replaces what it said before.
public struct ConfigMap: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        /// As it was written; known keys are recognised in any case.
        public var key: String
        public var node: ConfigNode
        /// Whether something refers to it: then it need not be a known key.
        public var isVariable = false
    }

    public private(set) var entries: [Entry] = []
    private var places: [String: Int] = [:]

    public init() {}

    public var isEmpty: Bool { entries.isEmpty }

    /// What stands under exactly this key.
    public subscript(key: String) -> ConfigNode? { places[key].map { entries[$0].node } }

    mutating func set(_ entry: Entry) {
        if let place = places[entry.key] {
            entries[place] = entry
        } else {
            places[entry.key] = entries.count
            entries.append(entry)
        }
    }

    /// The value of a key that something refers to.
    mutating func useVariable(_ key: String) -> ConfigNode? {
        guard let place = places[key] else { return nil }
        entries[place].isVariable = true
        return entries[place].node
    }
}
