/// Something that uses a simulated disk for several lives of a process, and checks what comes back.
protocol Workload: AnyObject {
    /// - Throws: a ``Failure`` when a promise was broken.
    func run() throws
    var statistics: Statistics { get }
}

/// How much was tried, to see that a simulation does what it is meant to do.
public struct Statistics: Sendable {
    public var steps = 0
    public var appends = 0
    public var refusals = 0
    public var reads = 0
    public var starts = 0
    public var failedStarts = 0
    public var crashes = 0
    public var damages = 0
    public var snapshots = 0
    public var rewrites = 0
    /// Manifests that were made again.
    public var remakes = 0
    /// Logs in memory that had something when the process ended.
    public var emptied = 0
    /// Entries that were written, not synced, and lost with the power.
    public var lostAsAgreed = 0

    public init() {}

    public static func += (left: inout Statistics, right: Statistics) {
        left.steps += right.steps
        left.appends += right.appends
        left.refusals += right.refusals
        left.reads += right.reads
        left.starts += right.starts
        left.failedStarts += right.failedStarts
        left.crashes += right.crashes
        left.damages += right.damages
        left.snapshots += right.snapshots
        left.rewrites += right.rewrites
        left.remakes += right.remakes
        left.emptied += right.emptied
        left.lostAsAgreed += right.lostAsAgreed
    }
}

/// A mistake of those who use the storage, to see that the oracles notice.
public enum Carelessness: String, CaseIterable, Sendable {
    /// Takes for durable what was only appended.
    case acknowledgesUnsynced
    /// Lets files of the log go that no snapshot holds yet.
    case coversTooMuch
    /// Rewrites segments before it is written down which batches are not needed any more.
    case rewritesAhead
    /// Flips bits without telling the oracle.
    case forgetsDamage
    /// Takes for written what was only appended.
    case acknowledgesUnwritten
    /// Never asks for the sync that an `interval` log is promised.
    case forgetsDeadlines
    /// Shows what logs in memory had before the process ended.
    case keepsMemory
    /// Believes what a snapshot of before a manifest was made again says of segments.
    case believesSnapshots
}
