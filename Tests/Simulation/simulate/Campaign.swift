import Platform
import Simulation
import Synchronization

/// Kept seeds, then seeds in a row, shared out to threads.
final class Campaign: Sendable {
    private let kept: [KeptSeed]
    private let workload: WorkloadKind?
    private let first: UInt64
    private let count: Int?
    private let mutant: Simulation.Mutant?
    private let runsTwice: Bool
    private let start = Clock.monotonicNanoseconds()
    private let end: Int64
    private let next: Atomic<Int>
    private let isOver = Atomic(false)
    private let results = Mutex(Results())

    private struct Results {
        var runCount = 0
        var eventCount = 0
        var statistics = Statistics()
        var failures: [(seed: UInt64, workload: WorkloadKind, text: String)] = []
    }

    init(
        kept: [KeptSeed], first: UInt64, count: Int?, workload: WorkloadKind?, mutant: Simulation.Mutant?,
        runsTwice: Bool, end: Int64
    ) {
        self.kept = kept
        self.first = first
        self.count = count
        self.workload = workload
        self.mutant = mutant
        self.runsTwice = runsTwice
        self.end = end
        next = Atomic(0)
    }

    func work() {
        while !isOver.load(ordering: .relaxed), Clock.monotonicNanoseconds() < end {
            let index = next.add(1, ordering: .relaxed).oldValue
            if let count, index >= kept.count + count { return }
            let known = index < kept.count ? kept[index] : nil
            let seed = known?.seed ?? first + UInt64(index - kept.count)
            let kind = known?.workload ?? workload
            let outcome = Simulation.run(seed: seed, kind, mutant: mutant)
            var failure = outcome.failure
            if runsTwice, failure == nil {
                let again = Simulation.run(seed: seed, kind, mutant: mutant)
                if again.hash != outcome.hash { failure = "a second run went another way" }
            }
            results.withLock { results in
                results.runCount += 1
                results.eventCount += outcome.eventCount
                results.statistics += outcome.statistics
                if let failure { results.failures.append((seed, outcome.workload, failure)) }
                if results.failures.count >= 5 { isOver.store(true, ordering: .relaxed) }
            }
        }
    }

    /// Prints what was done; false when a seed failed.
    func report() -> Bool {
        results.withLock { results in
            let minutes = Double(Clock.monotonicNanoseconds() - start) / 60e9
            let statistics = results.statistics
            print(
                """
                \(results.runCount) seeds from \(first), \(Int(Double(results.runCount) / minutes)) \
                a minute: \(results.eventCount) events, \(statistics.appends) appends, \
                \(statistics.refusals) refused, \(statistics.reads) reads, \(statistics.starts) starts, \
                \(statistics.failedStarts) failed, \(statistics.crashes) crashes, \
                \(statistics.damages) damages, \(statistics.rewrites) rewrites, \
                \(statistics.remakes) manifests lost, \(statistics.emptied) logs in memory emptied, \
                \(statistics.lostAsAgreed) entries lost as agreed
                """)
            for (seed, workload, text) in results.failures {
                print("seed \(seed) FAILED: \(text)\n    ./dev simulate --seed \(seed) --workload \(workload.rawValue)")
            }
            return results.failures.isEmpty
        }
    }
}
