import Glibc
import Platform
import Simulation

/// Runs seeds until the time is up or some have failed.
@main
struct Simulate {
    static let usage = """
        usage: simulate [options]
          --minutes <n>     how long to run (1)
          --seed <n>        run this seed alone, and print what happened
          --workload <name> what to do with the disk, in place of what each seed says; one of
                            \(WorkloadKind.allCases.map(\.rawValue).joined(separator: ", "))
          --from <n>        begin with this seed in place of a random one
          --count <n>       stop after so many seeds
          --kept <file>     a file of seeds to run before all others
          --threads <n>     how many threads (1)
          --twice           run each seed twice and compare
          --mutant <name>   plant this bug: the run must fail; one of
                            \(Simulation.Mutant.allCases.map(\.description).joined(separator: ", "))

        """

    var minutes = 1.0
    var seed: UInt64?
    var from: UInt64?
    var count: Int?
    var kept: [KeptSeed] = []
    var workload: WorkloadKind?
    var threads = 1
    var twice = false
    var mutant: Simulation.Mutant?

    static func main() {
        do {
            let isWell = try Simulate(CommandLine.arguments.dropFirst()).run()
            if !isWell { exit(1) }
        } catch {
            Process.end(2, message: "simulate: \(error)\n\(usage)")
        }
    }

    private struct Misuse: Error, CustomStringConvertible { var description: String }

    init(_ arguments: ArraySlice<String>) throws {
        var rest = arguments
        while let option = rest.popFirst() {
            func value<Value: LosslessStringConvertible>(_: Value.Type) throws -> Value {
                guard let text = rest.popFirst(), let value = Value(text) else {
                    throw Misuse(description: "\(option) needs a value")
                }
                return value
            }
            switch option {
            case "--minutes": minutes = try value(Double.self)
            case "--seed": seed = try value(UInt64.self)
            case "--from": from = try value(UInt64.self)
            case "--count": count = try value(Int.self)
            case "--kept": kept = try Self.readSeeds(try value(String.self))
            case "--threads": threads = max(1, try value(Int.self))
            case "--twice": twice = true
            case "--workload":
                let name = try value(String.self)
                workload = WorkloadKind(rawValue: name)
                if workload == nil { throw Misuse(description: "there is no workload \(name)") }
            case "--mutant":
                let name = try value(String.self)
                mutant = Simulation.Mutant.allCases.first { $0.description == name }
                if mutant == nil { throw Misuse(description: "there is no mutant \(name)") }
            default: throw Misuse(description: "unknown option \(option)")
            }
        }
    }

    /// False when a seed failed.
    func run() -> Bool {
        if let seed { return tell(seed) }
        let campaign = Campaign(
            kept: kept, first: from ?? Entropy.uint64() >> 16, count: count, workload: workload, mutant: mutant,
            runsTwice: twice, end: Clock.monotonicNanoseconds() + Int64(minutes * 60e9))
        let workers = (0..<threads).map { _ in Thread(name: "simulate") { campaign.work() } }
        for worker in workers { worker.join() }
        return campaign.report()
    }

    /// Everything that happens in one run.
    private func tell(_ seed: UInt64) -> Bool {
        let outcome = Simulation.run(seed: seed, workload, mutant: mutant, keepsLines: true)
        for line in outcome.lines { print(line) }
        print("seed \(seed), trace \(String(outcome.hash, radix: 16))")
        if let failure = outcome.failure { print("FAILED: \(failure)") }
        return outcome.failure == nil
    }

    private static func readSeeds(_ path: String) throws -> [KeptSeed] {
        let file = try LocalFileSystem().open(path, .readOnly)
        let bytes = try file.read(at: 0, byteCount: try file.byteCount())
        guard let seeds = KeptSeed.parse(String(decoding: bytes, as: UTF8.self)) else {
            throw Misuse(description: "\(path) has lines that are no seeds")
        }
        return seeds
    }
}
