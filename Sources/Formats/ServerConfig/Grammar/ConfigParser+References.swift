/// What stands elsewhere: variables and included files.
extension ConfigParser {
    /// The value of `$name`.
    mutating func lookUp(_ name: String, at position: SourcePosition) throws(ConfigError) -> ConfigValue {
        for index in scopes.indices.reversed() {
            if let node = scopes[index].useVariable(name) {
                try budget.take(values: node.weight, at: position)
                return node.value
            }
        }
        guard let text = surroundings.variable(name) else {
            throw ConfigError("variable reference for '\(name)' can not be found", at: position)
        }
        if environmentDepth >= budget.bounds.includeDepth {
            throw ConfigError("variable reference for '\(name)' refers to itself", at: position)
        }
        if text.utf8.allSatisfy(\.isSpace) { return .string("") }
        do {
            var parser = try ConfigParser(
                Array("value=".utf8) + Array(text.utf8), file: "$" + name, surroundings, budget,
                environmentDepth: environmentDepth + 1)
            // The first key is there, or it would have thrown.
            return try parser.parseFile().entries[0].node.value
        } catch {
            throw ConfigError(
                "variable reference for '\(name)' could not be parsed: \(error.message)", at: position)
        }
    }

    /// Behind `include` and blanks: the name of a file, whose keys join the innermost map.
    mutating func parseInclude(at position: SourcePosition) throws(ConfigError) {
        let name = try parseIncludeName()
        try budget.takeInclude(at: position)
        var file = resolve(name)
        if path.contains(file) {
            throw ConfigError("file '\(name)' includes itself: \((path + [file]).joined(separator: " > "))", at: position)
        }
        if path.count > budget.bounds.includeDepth {
            throw ConfigError("files include each other more than \(budget.bounds.includeDepth) deep", at: position)
        }
        var bytes: [UInt8]
        do { bytes = try surroundings.readFile(file) } catch {
            guard name.hasPrefix("/"), let absolute = try? surroundings.readFile(name), !path.contains(name) else {
                throw ConfigError("error parsing include file '\(name)', \(error)", at: position)
            }
            (file, bytes) = (name, absolute)
        }
        var parser = try ConfigParser(bytes, file: file, surroundings, budget, includedBy: path)
        for entry in try parser.parseFile().entries { scopes[scopes.count - 1].set(entry) }
    }

    private mutating func parseIncludeName() throws(ConfigError) -> String {
        guard let quote = cursor.byte, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            let start = cursor.index
            cursor.skip { !$0.isSpace && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "}") }
            if cursor.index == start { throw failure("expected the name of a file to include, but got \(found)") }
            return cursor.text(from: start)
        }
        let opening = cursor.position
        cursor.advance()
        let start = cursor.index
        cursor.skip { $0 != quote }
        if cursor.byte == nil { throw ConfigError("a file name without an end", at: opening) }
        defer { cursor.advance() }
        return cursor.text(from: start)
    }

    /// In the folder of the including file. nats-server looks there even if the name begins with a slash.
    private func resolve(_ name: String) -> String {
        let folder = cursor.file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return folder.isEmpty ? name : folder + "/" + name
    }
}
