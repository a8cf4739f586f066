import ArgumentParser
import Platform
import Simulation
import Synchronization

/// Runs seeds until the time is up or one fails.
@main
struct Simulate: ParsableCommand {
    @Option(help: "How long to run.")
    var minutes = 1.0

    @Option(help: "Run this seed alone, and print what happened.")
    var seed: UInt64?

    @Option(help: "Begin with this seed in place of a random one.")
    var from: UInt64?

    @Option(help: "Stop after so many seeds.")
    var count: Int?

    @Option(help: "Plant this bug: the run must fail.")
    var mutant: String?

    @Option(help: "How many threads.")
    var threads = 1

    @Option(help: "A file of seeds to run before all others.")
    var kept: String?

    @Flag(help: "Run each seed twice and compare.")
    var twice = false

    func run() throws {
        var planted: Simulation.Mutant?
        if let mutant {
            planted = Simulation.Mutant.allCases.first { "\($0)" == mutant }
            guard planted != nil else {
                throw ValidationError("mutants are: \(Simulation.Mutant.allCases)")
            }
        }
        if let seed {
            let outcome = Simulation.run(seed: seed, mutant: planted, keepsLines: true)
            for line in outcome.lines { print(line) }
            print("seed \(seed), trace \(String(outcome.hash, radix: 16))")
            if let failure = outcome.failure {
                print("FAILED: \(failure)")
                throw ExitCode(1)
            }
            return
        }
        let campaign = Campaign(
            kept: try kept.map(readSeeds) ?? [], first: from ?? Entropy.uint64() >> 16, count: count, mutant: planted,
            runsTwice: twice, end: Clock.monotonicNanoseconds() + Int64(minutes * 60e9))
        let workers = (0..<threads).map { _ in Thread(name: "simulate") { campaign.work() } }
        for worker in workers { worker.join() }
        guard campaign.report() else { throw ExitCode(1) }
    }

    private func readSeeds(_ path: String) throws -> [UInt64] {
        let file = try LocalFileSystem().open(path, .readOnly)
        let bytes = try file.read(at: 0, byteCount: try file.byteCount())
        return KeptSeeds.parse(String(decoding: bytes, as: UTF8.self))
    }
}
