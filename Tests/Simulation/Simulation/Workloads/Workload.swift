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
}
