/// One run of one seed.
///
///     seed ─► Plan ─► Workload ─► Storage ─► SimulatedDisk
///                        └── oracle             └── Trace
public struct Simulation {
    public struct Outcome: Sendable {
        public var seed: UInt64
        public var workload: WorkloadKind
        /// The same for every run of the seed with the same program.
        public var hash: UInt64
        public var eventCount: Int
        public var failure: String?
        public var statistics: Statistics
        /// Where asked for: the story of the run.
        public var lines: [String]
    }

    /// A bug that is planted, to see that it is found.
    public enum Mutant: Hashable, Sendable, CaseIterable, CustomStringConvertible {
        case lie(Lie)
        case careless(Carelessness)

        public static var allCases: [Mutant] {
            Lie.allCases.map(Mutant.lie) + Carelessness.allCases.map(Mutant.careless)
        }

        public var description: String {
            switch self {
            case .lie(let lie): lie.rawValue
            case .careless(let carelessness): carelessness.rawValue
            }
        }
    }

    /// - Parameter kind: nil: what the seed says.
    public static func run(
        seed: UInt64, _ kind: WorkloadKind? = nil, mutant: Mutant? = nil, keepsLines: Bool = false
    ) -> Outcome {
        let kind = kind ?? WorkloadKind(for: seed)
        var random = SeededRandom(seed)
        let plan = Plan(&random)
        let trace = Trace(keepsLines: keepsLines)
        let disk = SimulatedDisk(random.fork(), trace: trace)
        disk.capacity = plan.capacity
        var carelessness: Carelessness?
        switch mutant {
        case .lie(let lie): disk.lie = lie
        case .careless(let mistake): carelessness = mistake
        case nil: break
        }
        let workload: any Workload =
            switch kind {
            case .log: WALWorkload(&random, plan: plan, disk: disk, careless: carelessness)
            case .store: StoreWorkload(&random, plan: plan, disk: disk, careless: carelessness)
            case .classes:
                StoreWorkload(
                    &random, plan: plan, disk: disk, careless: carelessness,
                    classes: DurabilityClasses(seed, logCount: plan.logCount))
            }
        var failure: String?
        do { try workload.run() } catch { failure = "\(error)" }
        // What the last process still has open is dead before it is released.
        disk.endProcess()
        return Outcome(
            seed: seed, workload: kind, hash: trace.hash, eventCount: trace.eventCount, failure: failure,
            statistics: workload.statistics, lines: trace.lines)
    }
}
