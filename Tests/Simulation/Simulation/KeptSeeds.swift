/// Seeds that failed once, from `Tests/Simulation/seeds.txt`: a number a line, the workload that it is a seed of, and what it found.
public struct KeptSeed: Equatable, Sendable {
    public var seed: UInt64
    public var workload: WorkloadKind

    /// - Returns: nil where a line is neither empty, a comment nor a seed.
    public static func parse(_ text: String) -> [KeptSeed]? {
        var seeds: [KeptSeed] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let seed = UInt64(words[0]), let workload = WorkloadKind(rawValue: String(words[1]))
            else { return nil }
            seeds.append(KeptSeed(seed: seed, workload: workload))
        }
        return seeds
    }
}
