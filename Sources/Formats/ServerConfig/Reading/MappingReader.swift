/// Reads `mappings`.
struct MappingReader {
    let findings: ConfigFindings

    /// `source: destination`, or a list of destinations with their parts of the messages.
    func mappings(_ node: ConfigNode) throws(ConfigError) -> [MappingOptions] {
        var mappings: [MappingOptions] = []
        for entry in try node.map().entries where !entry.isVariable {
            let mapping = findings.attempt { () throws(ConfigError) in
                guard SubjectShape.isFilter(entry.key) else {
                    throw entry.node.failure("Subject \"\(entry.key)\" is not a valid subject")
                }
                return try readMapping(from: entry.key, entry.node)
            }
            if let mapping { mappings.append(mapping) }
        }
        return mappings
    }

    private func readMapping(from source: String, _ node: ConfigNode) throws(ConfigError) -> MappingOptions {
        if case .string(let destination) = node.value {
            return MappingOptions(source: source, destinations: [MappingDestination(subject: destination)])
        }
        var destinations: [MappingDestination] = []
        for node in node.list() { destinations.append(try readDestination(node)) }
        var totals: [String?: Int] = [:]
        for destination in destinations { totals[destination.cluster, default: 0] += destination.weight }
        if totals.values.contains(where: { $0 > 100 }) {
            throw node.failure("mapping \"\(source)\": total weight needs to be <= 100")
        }
        return MappingOptions(source: source, destinations: destinations)
    }

    private func readDestination(_ node: ConfigNode) throws(ConfigError) -> MappingDestination {
        var destination = MappingDestination(subject: "")
        var hasWeight = false
        findings.each(of: try node.map()) { key, node throws(ConfigError) in
            switch key {
            case "dest", "destination": destination.subject = try node.string()
            case "weight":
                destination.weight = try node.percent()
                hasWeight = true
            case "cluster": destination.cluster = try node.optionalString()
            default: return false
            }
            return true
        }
        if destination.subject.isEmpty {
            throw node.failure("Destination is required for a mapping destination")
        }
        if !hasWeight { throw node.failure("weight is required for a mapping destination") }
        return destination
    }
}

extension ConfigNode {
    /// 0 to 100, also as `"50%"` and `"50"`.
    func percent() throws(ConfigError) -> Int {
        guard case .string(let text) = value else { return try int(0...100) }
        guard let number = Int(text.hasSuffix("%") ? String(text.dropLast()) : text), (0...100).contains(number) else {
            throw failure("\"\(text)\" is no part between 0% and 100%")
        }
        return number
    }
}
