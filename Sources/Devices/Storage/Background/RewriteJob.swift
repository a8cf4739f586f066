import Model
import Platform

/// Writes segments anew, each for itself, where the caller's decision changes something in them.
final class RewriteJob: BackgroundJob {
    let urgency = BackgroundUrgency.rewrite
    private let id: UInt64
    private let mark: UInt64
    private var copy: SegmentCopy

    /// - Parameter mark: what has to be durable before batches are left out.
    init(
        id: UInt64, _ segments: [SegmentDescriptor], mark: UInt64, limits: SegmentLimits,
        _ decide: @escaping SegmentCopy.Decision
    ) {
        self.id = id
        self.mark = mark
        copy = SegmentCopy(segments.map { SegmentRun(segments: [$0]) }, limits: limits, deciding: decide)
    }

    func step(_ context: inout BackgroundContext) throws(StorageError) -> BackgroundProgress {
        guard context.isDurable(mark) else { return .waiting }
        guard let change = try copy.step(&context, evenUnchanged: false) else { return .more }
        return .done(.rewritten(id: id, .success(change)))
    }

    func failed(_ error: StorageError, _ context: inout BackgroundContext) -> BackgroundOutcome? {
        copy.abandon(context)
        return .rewritten(id: id, .failure(error))
    }
}
