/// How often a simulated disk misbehaves: each number is "once in so many operations", 0 is never.
public struct DiskFaults: Sendable {
    public var shortWrite = 0
    public var shortRead = 0
    public var readError = 0
    public var writeError = 0
    public var syncError = 0
    public var openError = 0
    public var nameError = 0
    /// Names that were changed and not synced survive a loss of power in any combination, not only
    /// those up to some moment.
    public var losesNamesInAnyOrder = false

    public init() {}

    /// Most runs have few kinds of faults, so that each is seen alone as well as with others.
    static func drawn(_ random: inout SeededRandom) -> DiskFaults {
        var faults = DiskFaults()
        if random.oneIn(2) { faults.shortWrite = 1 + random.below(20) }
        if random.oneIn(2) { faults.shortRead = 1 + random.below(20) }
        if random.oneIn(6) { faults.readError = 50 + random.below(500) }
        if random.oneIn(6) { faults.writeError = 20 + random.below(300) }
        if random.oneIn(6) { faults.syncError = 10 + random.below(100) }
        if random.oneIn(8) { faults.openError = 10 + random.below(100) }
        if random.oneIn(8) { faults.nameError = 10 + random.below(100) }
        faults.losesNamesInAnyOrder = random.oneIn(4)
        return faults
    }
}

/// A disk that breaks a promise without saying so: to see that the oracles notice.
public enum Lie: String, CaseIterable, Sendable {
    /// `fdatasync` of the write-ahead log does nothing.
    case logSync
    /// `fdatasync` of anything else does nothing.
    case otherSync
    /// `fsync` of a folder does nothing.
    case folderSync
    /// A write goes to the wrong place now and then.
    case misdirectedWrite
    /// A write is acknowledged and not done now and then.
    case droppedWrite
    /// A bit is flipped in what is written now and then.
    case flippedBit
}
