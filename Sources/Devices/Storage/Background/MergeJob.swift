import Model
import Platform

/// Copies small neighbours together, and what is left in files that are mostly dead, so that neither
/// segments nor dead space add up without end.
final class MergeJob: BackgroundJob {
    let urgency = BackgroundUrgency.merge
    private let mark: UInt64
    private var copy: SegmentCopy

    /// - Parameters:
    ///   - starts: batches of a log that end before its start are gone and left out.
    ///   - mark: what has to be durable before they are.
    init(_ runs: [SegmentRun], starts: [LogID: Offset], mark: UInt64, limits: SegmentLimits) {
        self.mark = mark
        copy = SegmentCopy(runs, limits: limits) { batch, _ in
            batch.lastOffset < starts[batch.log] ?? Offset(0) ? .drop : .keep
        }
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(mark) else { return .waiting }
        guard let change = try copy.step(&context, evenUnchanged: true) else { return .more }
        return .done(.merged(.success(change)))
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        copy.abandon(context)
        return .merged(.failure(error))
    }
}
