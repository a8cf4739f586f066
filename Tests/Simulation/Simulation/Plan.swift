/// What a seed decides before a run begins: how large things are, what happens how often, and what
/// goes wrong. Runs differ in kind, not only in their dice: many leave something out.
struct Plan {
    var lives: Int
    var stepsPerLife: Int
    var fileByteCount: Int
    var logCount: Int
    var largestPayloadByteCount: Int
    /// A background step is interrupted before one in so many of its operations; 0 is never.
    var interruptEvery: Int
    /// How likely each kind of step is, in proportion to the others.
    var weights: [Step: Int] = [:]
    var faults: DiskFaults
    var crashesInside: Bool
    var damagesAtRest: Bool
    var capacity: Int?
    /// Frames of all durability classes are written, not only such as are synced at once.
    var putsOffSyncs: Bool

    enum Step: CaseIterable {
        case append, submit, flush, read, writer, space, idle
        case background, rollUp, snapshot, deleteBelow, deleteLog, room, drop, rewrite
    }

    init(_ random: inout SeededRandom) {
        lives = 1 + random.below(6)
        stepsPerLife = 5 + random.skewed(400)
        fileByteCount = (64 << 10) << random.below(3)
        logCount = 1 + random.skewed(12)
        largestPayloadByteCount = random.pick([40, 400, 3_000, 20_000, 90_000])
        interruptEvery = random.pick([0, 0, 2, 6, 20])
        for step in Step.allCases where step != .drop && step != .rewrite {
            weights[step] = random.pick([1, 3, 10, 30])
        }
        weights[.append] = random.pick([20, 60, 200])
        if random.oneIn(6) { weights[random.pick([.submit, .flush, .read, .space, .idle])] = 0 }
        if random.oneIn(8) { weights[.writer] = 0 }
        // A store makes progress in the background, and takes away less than comes in.
        weights[.background] = random.pick([10, 30, 100])
        weights[.deleteBelow] = random.pick([0, 1, 5])
        weights[.deleteLog] = random.pick([0, 1])
        weights[.snapshot] = random.pick([0, 1, 5])
        weights[.rollUp] = random.pick([0, 1, 10])
        weights[.room] = 0
        faults = random.oneIn(3) ? DiskFaults() : .drawn(&random)
        putsOffSyncs = stepsPerLife % 2 == 0
        crashesInside = !random.oneIn(4)
        damagesAtRest = random.oneIn(5)
        if random.oneIn(5) {
            capacity = fileByteCount * (2 + random.below(6))
            weights[.room] = 2
        }
        // Last, so that the seeds keep the rest of their plans.
        weights[.drop] = random.pick([0, 1, 5])
        weights[.rewrite] = random.pick([0, 3, 15])
        if random.oneIn(3) { beBusyInBackground() }
    }

    /// Fills files soon, so that there are segments, snapshots and something to rewrite in each life.
    private mutating func beBusyInBackground() {
        fileByteCount = 64 << 10
        largestPayloadByteCount = max(largestPayloadByteCount, 20_000)
        stepsPerLife = max(stepsPerLife, 200)
        weights[.append] = 200
        weights[.background] = 30
        weights[.rollUp] = 10
        weights[.snapshot] = 5
        weights[.drop] = 5
        weights[.rewrite] = 15
    }

    /// One of the steps that `allowed` lists.
    func nextStep(_ random: inout SeededRandom, of allowed: [Step]) -> Step {
        let total = allowed.reduce(0) { $0 + (weights[$1] ?? 0) }
        var left = random.below(total)
        for step in allowed {
            left -= weights[step] ?? 0
            if left < 0 { return step }
        }
        return allowed[0]
    }
}
