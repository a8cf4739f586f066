/// What has still to go from a stream that keeps messages only as long as somebody wants them.
///
/// That a consumer is done with a message is one frame of the write-ahead log, that the message goes is the next. In between, and as
/// long as a full disk has no room for the second, this says what the second will have to say: snapshots keep it, and recovery finds
/// it out from the first frames as they are replayed. What it names may be gone already, or be wanted by others.
struct DueRemovals: Sendable, Equatable {
    /// Messages that a consumer is done with, or that nobody wanted when they came; in no order, and some of them twice.
    var sequences: [UInt64] = []
    /// A consumer was deleted or wants other subjects now: what it alone wanted goes, too.
    var isInterestLost = false

    var isEmpty: Bool { sequences.isEmpty && !isInterestLost }

    /// At how many sequences those that are gone are taken out, in recovery.
    var pruneCount = Self.leastPruneCount
    static let leastPruneCount = 1024
}
