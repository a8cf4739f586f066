import Bytes

/// Makes one subject of another: `orders.*` to `shop.{{wildcard(1)}}`.
///
/// The destination names the source's wildcards by number, as `{{wildcard(1)}}` or `$1`, and may
/// call the functions of ``Function``. `>` stands in both or in neither.
///
/// Source: nats-architecture-and-design ADR-30, "Subject Transform".
public struct SubjectTransform: Hashable, Sendable {
    /// What it is for.
    public let source: SubjectFilter
    /// As it was written.
    public let destination: String
    let pieces: [Piece]
    /// Whether what `>` stood for comes behind the pieces.
    let hasRest: Bool
    /// Of the source, `>` counted.
    private let sourceTokenCount: Int

    /// Why source and destination make no transform. nats-server's words.
    public enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case invalidSubject
        /// The destination has an empty token.
        case invalidTransform
        case unknownFunction(token: String)
        case notEnoughArguments(token: String)
        case tooManyArguments(token: String)
        case invalidArgument(token: String)
        /// A wildcard is named that the source does not have; `numbers` where the source has any.
        case indexOutOfRange(token: String, numbers: [Int])
        /// Imports know `{{wildcard()}}` only.
        case functionInImport(token: String)
        /// Imports must name all wildcards.
        case unusedWildcards(destination: String)

        public var description: String {
            switch self {
            case .invalidSubject: "invalid subject"
            case .invalidTransform: Self.prefix + "invalid transform"
            case .unknownFunction(let token): Self.prefix + "unknown function in \(token)"
            case .notEnoughArguments(let token):
                Self.prefix + "not enough arguments passed to the function in \(token)"
            case .tooManyArguments(let token):
                Self.prefix + "too many arguments passed to the function in \(token)"
            case .invalidArgument(let token):
                Self.prefix + "function argument is invalid or in the wrong format in \(token)"
            case .indexOutOfRange(let token, let numbers):
                Self.prefix + "wildcard index out of range in \(token)"
                    + (numbers.isEmpty
                        ? "" : ": [\(numbers.map(String.init).joined(separator: " "))]")
            case .functionInImport(let token):
                Self.prefix
                    + "the only mapping function allowed for import transforms is {{Wildcard()}} in \(token)"
            case .unusedWildcards(let destination):
                Self.prefix + "not using all of the token wildcard(s) in \(destination)"
            }
        }

        private static let prefix = "invalid mapping destination: "
    }

    /// - Parameter forImport: wildcards only, and all of them.
    public init(
        _ source: String, to destination: String, forImport: Bool = false
    ) throws(Refusal) {
        guard let filter = SubjectFilter(source), !destination.isEmpty else {
            throw .invalidSubject
        }
        let sourceTokens = source.split(separator: ".", omittingEmptySubsequences: false)
        var tokens = destination.split(separator: ".", omittingEmptySubsequences: false)
        guard !tokens.contains(where: \.isEmpty) else { throw .invalidTransform }
        let hasRest = tokens.last == ">"
        guard hasRest == (sourceTokens.last == ">"), !tokens.contains("*"),
            !tokens.dropLast().contains(">")
        else { throw .invalidSubject }
        if hasRest { tokens.removeLast() }
        let wildcards = sourceTokens.indices.filter { sourceTokens[$0] == "*" }
        let resolver = PieceResolver(
            wildcards: wildcards, sourceHasWildcards: !wildcards.isEmpty || hasRest)
        var pieces: [Piece] = []
        var used = 0
        for token in tokens {
            let function = try Function(token: String(token))
            if let function, forImport, !function.isWildcard {
                throw .functionInImport(token: String(token))
            }
            used += function?.numbers.count ?? 0
            pieces.append(try resolver.piece(function, String(token)))
        }
        if forImport, used < wildcards.count { throw .unusedWildcards(destination: destination) }
        self.source = filter
        self.destination = destination
        self.pieces = pieces
        self.hasRest = hasRest
        sourceTokenCount = sourceTokens.count
    }

    /// One token of the destination, or several where it splits.
    enum Piece: Hashable, Sendable {
        case literal([UInt8])
        /// A token of the subject, by its place from 0.
        case token(Int)
        /// Tokens, none for the whole subject.
        case partition(count: Int32, tokens: [Int])
        case split(token: Int, delimiter: [UInt8])
        case splitFromLeft(token: Int, position: Int)
        case splitFromRight(token: Int, position: Int)
        case sliceFromLeft(token: Int, size: Int)
        case sliceFromRight(token: Int, size: Int)
        case left(token: Int, count: Int)
        case right(token: Int, count: Int)
        case random(count: Int32)
    }

    /// Whether what it makes depends on chance.
    public var isRandom: Bool {
        pieces.contains { if case .random = $0 { true } else { false } }
    }

    /// What `subject` becomes; nil where the source does not match it.
    ///
    /// - Parameter random: decides `{{random()}}`.
    public func apply(to subject: RawSpan, random: UInt64 = 0) -> [UInt8]? {
        guard source.matches(subject) else { return nil }
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(16)
        var position = 0
        while let token = subject.nextToken(&position) { ranges.append(token.start..<token.end) }
        var out = SubjectBuilder(subject, ranges, random: random)
        for piece in pieces { out.append(piece) }
        if hasRest { out.appendRest(from: sourceTokenCount - 1) }
        return out.bytes
    }

    /// The same for text.
    public func apply(to subject: String, random: UInt64 = 0) -> String? {
        let bytes = Array(subject.utf8)
        return apply(to: bytes.span.bytes, random: random)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// What makes the subjects that this one made what they were; nil unless each wildcard of the
    /// source is named once and nothing else is called.
    public var reversed: SubjectTransform? {
        let sourceTokens = source.text.split(separator: ".")
        var destinationOfWildcard: [Int: Int] = [:]
        var newSource: [String] = []
        for piece in pieces {
            switch piece {
            case .literal(let bytes): newSource.append(String(decoding: bytes, as: UTF8.self))
            case .token(let place):
                guard destinationOfWildcard[place] == nil else { return nil }
                destinationOfWildcard[place] = destinationOfWildcard.count + 1
                newSource.append("*")
            default: return nil
            }
        }
        var newDestination: [String] = []
        for (place, token) in sourceTokens.enumerated() where token != ">" {
            if token == "*" {
                guard let number = destinationOfWildcard[place] else { return nil }
                newDestination.append("{{wildcard(\(number))}}")
            } else {
                newDestination.append(String(token))
            }
        }
        if hasRest {
            newSource.append(">")
            newDestination.append(">")
        }
        return try? SubjectTransform(
            newSource.joined(separator: "."), to: newDestination.joined(separator: "."))
    }
}

/// Turns the numbers of wildcards into places in the subject.
private struct PieceResolver {
    /// The place of each `*` of the source.
    let wildcards: [Int]
    let sourceHasWildcards: Bool

    func piece(
        _ function: SubjectTransform.Function?, _ token: String
    ) throws(SubjectTransform.Refusal) -> SubjectTransform.Piece {
        guard let function else { return .literal(Array(token.utf8)) }
        guard sourceHasWildcards else {
            switch function {
            case .partition(let count, _): return .partition(count: count, tokens: [])
            case .random(let count): return .random(count: count)
            default: throw .indexOutOfRange(token: token, numbers: [])
            }
        }
        for number in function.numbers where number > wildcards.count {
            throw .indexOutOfRange(token: token, numbers: [number])
        }
        // nats-server takes numbers below 1 for the subject's first token.
        let places = function.numbers.map { $0 < 1 ? 0 : wildcards[$0 - 1] }
        return switch function {
        case .wildcard: .token(places[0])
        case .partition(let count, _): .partition(count: count, tokens: places)
        case .split(_, let delimiter): .split(token: places[0], delimiter: Array(delimiter.utf8))
        case .splitFromLeft(_, let position):
            .splitFromLeft(token: places[0], position: position)
        case .splitFromRight(_, let position):
            .splitFromRight(token: places[0], position: position)
        case .sliceFromLeft(_, let size): .sliceFromLeft(token: places[0], size: size)
        case .sliceFromRight(_, let size): .sliceFromRight(token: places[0], size: size)
        case .left(_, let count): .left(token: places[0], count: count)
        case .right(_, let count): .right(token: places[0], count: count)
        case .random(let count): .random(count: count)
        }
    }
}
