import Catalog
import Logging
import Model
import Storage

/// Damage that was found since the start, so that each is told once.
struct DamageReports {
    /// How many there were.
    private(set) var count = 0
    private var known: Set<String> = []

    /// More than so many are counted again when somebody comes across them again.
    private static let knownLimit = 10_000

    /// - Returns: whether it is new.
    mutating func add(_ damage: ReplayReport.Damage) -> Bool {
        let name = "\(damage.path) \(damage.offset)"
        guard !known.contains(name) else { return false }
        if known.count == Self.knownLimit { known.removeAll() }
        known.insert(name)
        count += 1
        return true
    }
}

extension Broker {
    /// Damage on the disk that was found while the server runs.
    public var damageCount: Int { damageReports.count }

    /// Tells what could not be read, by whoever came across it: stream, offsets and file.
    func reportDamage() {
        for damage in store.takeDamage() where damageReports.add(damage) {
            log.error("\(text(of: damage))")
        }
    }

    /// One line for people, with the stream where that is known.
    func text(of damage: ReplayReport.Damage) -> String {
        let owner = damage.frame.map { name(of: $0.log) + ": " } ?? ""
        return "damaged: \(owner)\(damage)"
    }

    /// What people know a log by.
    func name(of log: PartitionLog) -> String { name(of: log.id) }

    private func name(of id: LogID) -> String {
        guard let place = catalog.place(of: id), let stream = catalog[place.stream] else {
            return "log \(id.value)"
        }
        return stream.partitionCount == 1 ? "stream \(stream.name)" : "stream \(stream.name)@\(place.partition)"
    }
}
