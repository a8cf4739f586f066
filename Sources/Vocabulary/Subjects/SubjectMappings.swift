import Bytes

/// Where the messages to some subjects go instead, in the order in which that was said.
///
/// Source: NATS documentation, "Subject Mapping and Partitioning".
public struct SubjectMappings: Sendable {
    /// One of the places where messages go.
    public struct Destination: Hashable, Sendable {
        /// May hold transform functions.
        public var subject: String
        /// Percent, 0 to 100.
        public var weight: Int
        /// Nil: for all clusters that have no list of their own.
        public var cluster: String?

        public init(_ subject: String, weight: Int = 100, cluster: String? = nil) {
            self.subject = subject
            self.weight = weight
            self.cluster = cluster
        }
    }

    public enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case invalidSource
        case duplicate(destination: String)
        case weightTooLarge
        case totalTooLarge
        case transform(SubjectTransform.Refusal)

        public var description: String {
            switch self {
            case .invalidSource: "invalid subject"
            case .duplicate(let destination): "duplicate entry for \"\(destination)\""
            case .weightTooLarge: "individual weights need to be <= 100"
            case .totalTooLarge: "total weight needs to be <= 100"
            case .transform(let refusal): refusal.description
            }
        }
    }

    /// What becomes of a subject.
    public enum Outcome: Hashable, Sendable {
        /// No mapping is for it.
        case same
        case mapped([UInt8])
        /// The share that was left to nobody: the message is lost on purpose.
        case dropped
    }

    private struct Mapping: Sendable {
        var source: SubjectFilter
        var general: [Share]
        var clusters: [String: [Share]]
    }

    private struct Share: Sendable {
        var transform: SubjectTransform
        /// Draws below this one, and not below the one before.
        var limit: Int
    }

    private var mappings: [Mapping] = []

    public init() {}

    public var isEmpty: Bool { mappings.isEmpty }

    /// Adds a mapping behind the others; one of the same source is replaced, at its place.
    ///
    /// What the weights of a list leave goes to the source itself, unless the source is in the list.
    public mutating func add(
        _ source: String, to destinations: [Destination]
    ) throws(Refusal) {
        guard let filter = SubjectFilter(source) else { throw .invalidSource }
        var seen: Set<String> = []
        var general: [(SubjectTransform, Int)] = []
        var clusters: [String: [(SubjectTransform, Int)]] = [:]
        var totals: [String: Int] = [:]
        for destination in destinations {
            guard seen.insert(destination.subject).inserted else {
                throw .duplicate(destination: destination.subject)
            }
            guard 0...100 ~= destination.weight else { throw .weightTooLarge }
            let cluster = destination.cluster ?? ""
            totals[cluster, default: 0] += destination.weight
            if totals[cluster, default: 0] > 100 { throw .totalTooLarge }
            let transform = try Self.transform(source, destination.subject)
            if cluster.isEmpty {
                general.append((transform, destination.weight))
            } else {
                clusters[cluster, default: []].append((transform, destination.weight))
            }
        }
        let namesItself = seen.contains(source)
        var mapping = Mapping(
            source: filter, general: try Self.shares(general, source, namesItself), clusters: [:])
        for (cluster, list) in clusters {
            mapping.clusters[cluster] = try Self.shares(list, source, namesItself)
        }
        if let place = mappings.firstIndex(where: { $0.source == filter }) {
            mappings[place] = mapping
        } else {
            mappings.append(mapping)
        }
    }

    /// - Parameters:
    ///   - cluster: the name of the server's cluster, if it is in one.
    ///   - random: decides between the destinations, and `{{random()}}`.
    public func outcome(
        of subject: RawSpan, cluster: String? = nil, random: UInt64
    ) -> Outcome {
        for mapping in mappings where mapping.source.matches(subject) {
            let shares = cluster.flatMap { mapping.clusters[$0] } ?? mapping.general
            let draw = Int(random % 100)
            for share in shares where draw < share.limit {
                guard let mapped = share.transform.apply(to: subject, random: random / 100) else {
                    return .same
                }
                return .mapped(mapped)
            }
            return .dropped
        }
        return .same
    }

    private static func transform(
        _ source: String, _ destination: String
    ) throws(Refusal) -> SubjectTransform {
        do { return try SubjectTransform(source, to: destination) } catch {
            throw .transform(error)
        }
    }

    /// The least first, as nats-server has them.
    private static func shares(
        _ list: [(SubjectTransform, Int)], _ source: String, _ namesItself: Bool
    ) throws(Refusal) -> [Share] {
        var list = list
        let total = list.reduce(0) { $0 + $1.1 }
        if total != 100, !namesItself {
            list.append((try transform(source, numbered(source)), 100 - total))
        }
        list.sort { $0.1 < $1.1 }
        var limit = 0
        return list.map { transform, weight in
            limit += weight
            return Share(transform: transform, limit: limit)
        }
    }

    /// The subject as a destination that changes nothing: `a.*.>` is `a.$1.>`.
    private static func numbered(_ source: String) -> String {
        var number = 0
        return source.split(separator: ".").map { token -> String in
            guard token == "*" else { return String(token) }
            number += 1
            return "$\(number)"
        }.joined(separator: ".")
    }
}
