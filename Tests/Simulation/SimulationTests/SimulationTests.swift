import Foundation
import Simulation
import Testing

/// The storage on a simulated disk, docs/TESTING.md "Simulation".
@Suite struct SimulationTests {
    @Test func `no seed breaks a promise`() {
        let first = UInt64.random(in: 0..<1 << 48)
        for seed in first..<first + 300 {
            let outcome = Simulation.run(seed: seed)
            #expect(outcome.failure == nil, "./dev simulate --seed \(seed) --workload \(outcome.workload.rawValue)")
        }
    }

    @Test func `seeds that failed once pass`() throws {
        let seeds = try #require(
            KeptSeed.parse(
                try String(contentsOf: Self.folder.appending(path: "seeds.txt"), encoding: .utf8)))
        #expect(!seeds.isEmpty)
        for kept in seeds {
            #expect(
                Simulation.run(seed: kept.seed, kept.workload).failure == nil,
                "./dev simulate --seed \(kept.seed) --workload \(kept.workload.rawValue)")
        }
    }

    @Test func `a seed is the same run each time`() {
        for seed in UInt64(1)...60 {
            let first = Simulation.run(seed: seed)
            let second = Simulation.run(seed: seed)
            #expect(first.hash == second.hash, "seed \(seed)")
            #expect(first.eventCount == second.eventCount)
        }
        #expect(Simulation.run(seed: 1).hash != Simulation.run(seed: 2).hash)
        let hashes = WorkloadKind.allCases.map { Simulation.run(seed: 1, $0).hash }
        #expect(Set(hashes).count == hashes.count)
    }

    @Test(arguments: Simulation.Mutant.allCases)
    func `a planted bug is found within two hundred seeds`(mutant: Simulation.Mutant) {
        let found = (UInt64(1)...200).first {
            Simulation.run(seed: $0, mutant: mutant).failure != nil
        }
        #expect(found != nil)
    }

    @Test func `runs do what they are meant to do`() {
        var total = Statistics()
        for seed in UInt64(1)...200 { total += Simulation.run(seed: seed).statistics }
        #expect(total.appends > 5_000)
        #expect(total.reads > 500)
        #expect(total.refusals > 20)
        #expect(total.failedStarts > 20)
        #expect(total.crashes > 400)
        #expect(total.damages > 20)
        #expect(total.rewrites > 40)
        #expect(total.remakes > 4)
        #expect(total.emptied > 40)
        #expect(total.lostAsAgreed > 40)
    }

    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
}
