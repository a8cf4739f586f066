import Model
import Storage

/// How surely the logs of a run are kept, as docs/decisions/0025-three-durability-classes.md has it; and what else only runs
/// with classes have. Drawn by a generator of its own, so that other runs mean what they did.
struct DurabilityClasses {
    private let byLog: [FrameDurability]
    let damagesAtRest: Bool
    private var random: SeededRandom

    init(_ seed: UInt64, logCount: Int) {
        // Any constant, so that the draws are others than those of the plan.
        random = SeededRandom(seed ^ 0xC1A5_5E5D)
        var byLog: [FrameDurability] = []
        for _ in 0..<logCount {
            switch random.below(4) {
            case 0: byLog.append(.sync)
            case 1: byLog.append(.never)
            default: byLog.append(.within(nanoseconds: Int64(1 + random.skewed(1_000_000_000))))
            }
        }
        self.byLog = byLog
        damagesAtRest = random.oneIn(3)
    }

    subscript(log: LogID) -> FrameDurability {
        let place = Int(log.value) - 1
        return byLog.indices.contains(place) ? byLog[place] : .sync
    }

    func isInMemory(_ log: LogID) -> Bool { self[log] == .never }

    /// Whether the damage at rest is that the manifest goes.
    mutating func losesManifest() -> Bool { random.oneIn(3) }

    /// Whether somebody asks for what takes away and gets an answer, so that it has to be synced.
    mutating func isAsked() -> Bool { random.oneIn(2) }
}

extension FrameDurability {
    /// How long its sync may wait, nanoseconds.
    var longestWait: Int64 {
        switch self {
        case .sync: 0
        case .within(let nanoseconds): nanoseconds
        case .never: .max
        }
    }
}
