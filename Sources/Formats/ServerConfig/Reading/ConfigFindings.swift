/// What was noticed while a configuration was read: everything that is wrong, not only the first.
final class ConfigFindings {
    private(set) var errors: [ConfigError] = []
    private(set) var warnings: [ConfigError] = []

    func refuse(_ error: ConfigError) { errors.append(error) }
    func warn(_ message: String, at position: SourcePosition) {
        warnings.append(ConfigError(message, at: position))
    }

    /// Goes through the entries of a map. What the body throws is noted, and the next entry is read.
    ///
    /// - Parameter read: takes a key in lower case and its value; false says that there is no such key.
    func each(
        of map: ConfigMap, _ read: (_ key: String, _ node: ConfigNode) throws(ConfigError) -> Bool
    ) {
        for entry in map.entries {
            do {
                if try !read(entry.key.lowercased(), entry.node) && !entry.isVariable {
                    refuse(ConfigError("unknown field \"\(entry.key)\"", at: entry.node.position))
                }
            } catch {
                refuse(error)
            }
        }
    }

    /// Does what can fail, and notes how it failed.
    func attempt<T>(_ work: () throws(ConfigError) -> T) -> T? {
        do { return try work() } catch {
            refuse(error)
            return nil
        }
    }

    /// A duration, or the number of seconds that older files have.
    func duration(_ key: String, _ node: ConfigNode) throws(ConfigError) -> Int64 {
        guard case .integer(let seconds) = node.value else { return try node.durationNanoseconds(key) }
        warn("invalid use of field \"\(key)\": \(key) should be converted to a duration", at: node.position)
        return try node.nanoseconds(ofSeconds: Double(seconds))
    }
}
