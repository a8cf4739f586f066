/// Where something stands in a configuration file.
public struct SourcePosition: Sendable, Hashable, CustomStringConvertible {
    /// As the operator or an `include` named it.
    public var file: String
    /// From 1.
    public var line: Int
    /// As nats-server counts: from 0 in the first line, from 1 in all others. Bytes.
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    public var description: String { "\(file):\(line):\(column)" }
}

/// One thing that is wrong with a configuration, and where: `duolog.conf:3:2: unknown field "prot"`.
public struct ConfigError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Nil where it is about the whole.
    public var position: SourcePosition?
    public var message: String

    public init(_ message: String, at position: SourcePosition? = nil) {
        self.position = position
        self.message = message
    }

    public var description: String { position.map { "\($0): \(message)" } ?? message }
}

/// All that is wrong with a configuration, a line each.
public struct ConfigErrors: Error, Sendable, Equatable, CustomStringConvertible {
    public var errors: [ConfigError]

    public init(_ errors: [ConfigError]) { self.errors = errors }

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
