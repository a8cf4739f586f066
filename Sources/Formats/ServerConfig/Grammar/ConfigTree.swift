/// A configuration file with all that it includes, read but not yet understood.
///
/// The grammar is nats-server's. A file is a map, with or without `{}` around it:
///
///     key = value            # also `key: value` and `key value`; an entry ends at a new line, `,` or `;`
///     block { key: value }   // a map needs no separator, an array may: [1, 2]
///     "key": "JSON is fine too"
///     include ./users.conf   # its keys, as if they stood here
///     port = $PORT           # a key of this block, of one around it, or of the environment
///     text = (
///     a block: up to a parenthesis that is alone in its line
///     )
///
/// Values are `true` (also yes, on), integers with a suffix (`8k` = 8000, `8KB` = 8192, up to `e`), floats, dates in Zulu form,
/// 'raw' and "escaped" strings (`\xXX \t \n \r \" \\`); all else is a string: `5s`, `10.0.0.1:4222`, `foo.>`.
///
/// Source: nats-server 2.15, asked with `-t`. Where it refuses a bare word that begins like a number (`1.5s`, `[1,2]` without
/// blanks), this takes the word.
public struct ConfigTree: Sendable, Equatable {
    public var root: ConfigMap

    /// How much a configuration may hold, so that a hostile one costs no more than an error.
    public struct Bounds: Sendable {
        public var nestingDepth = 100
        public var includeDepth = 20
        public var includeCount = 1_000
        /// All files together.
        public var byteCount = 64 << 20
        /// Counting those that variables repeat.
        public var valueCount = 1_000_000

        public init() {}
    }

    /// - Throws: `ConfigError` that says what is wrong, and where.
    public init(file: String, from surroundings: ConfigSurroundings, bounds: Bounds = Bounds()) throws(ConfigError) {
        let bytes: [UInt8]
        do { bytes = try surroundings.readFile(file) } catch { throw ConfigError("\(error)") }
        let budget = ConfigBudget(bounds)
        var parser = try ConfigParser(bytes, file: file, surroundings, budget)
        root = try parser.parseFile()
    }

    /// Text in place of a file, which is named `name` in errors and has its includes in the working directory.
    public init(
        text: [UInt8], name: String, from surroundings: ConfigSurroundings = .none, bounds: Bounds = Bounds()
    ) throws(ConfigError) {
        var parser = try ConfigParser(text, file: name, surroundings, ConfigBudget(bounds))
        root = try parser.parseFile()
    }
}

/// What a configuration refers to outside of itself.
public struct ConfigSurroundings: Sendable {
    /// Reads a file, by a path that may be relative to the working directory.
    public var readFile: @Sendable (String) throws(FileUnreadable) -> [UInt8]
    /// A variable of the environment.
    public var variable: @Sendable (String) -> String?

    /// Why a file cannot be read; says which file.
    public struct FileUnreadable: Error, CustomStringConvertible {
        public var description: String

        public init(_ description: String) { self.description = description }
    }

    public init(
        readFile: @escaping @Sendable (String) throws(FileUnreadable) -> [UInt8],
        variable: @escaping @Sendable (String) -> String?
    ) {
        self.readFile = readFile
        self.variable = variable
    }

    /// No files and no variables.
    public static let none = ConfigSurroundings(
        readFile: { path throws(FileUnreadable) in throw FileUnreadable("open \(path): there are no files here") },
        variable: { _ in nil })
}

/// What is left of the bounds while files include each other.
final class ConfigBudget {
    let bounds: ConfigTree.Bounds
    private var includeCount = 0
    private var byteCount = 0
    private var valueCount = 0

    init(_ bounds: ConfigTree.Bounds) { self.bounds = bounds }

    func take(bytes: Int, at position: SourcePosition?) throws(ConfigError) {
        byteCount += bytes
        if byteCount > bounds.byteCount {
            throw ConfigError("the configuration is larger than \(bounds.byteCount) bytes", at: position)
        }
    }

    func take(values: Int, at position: SourcePosition) throws(ConfigError) {
        valueCount += values
        if valueCount > bounds.valueCount {
            throw ConfigError("the configuration has more than \(bounds.valueCount) values", at: position)
        }
    }

    func takeInclude(at position: SourcePosition) throws(ConfigError) {
        includeCount += 1
        if includeCount > bounds.includeCount {
            throw ConfigError("more than \(bounds.includeCount) files are included", at: position)
        }
    }
}
