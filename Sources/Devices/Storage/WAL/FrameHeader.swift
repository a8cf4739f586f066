public import Model

/// What a frame of the log carries. Storage hands the kind back in replay and knows nothing else of
/// it.
public enum FrameKind: UInt8, Sendable, CaseIterable {
    /// A Kafka RecordBatch v2.
    case batch = 1
    /// What happened to a log that is no batch: deletes, purges, moved starts.
    case control
    case consumer
    case group
    case catalog
}

/// What stands before the payload of a frame.
public struct FrameHeader: Equatable, Sendable {
    public var kind: FrameKind
    public var log: LogID
    /// The leader epoch of the log when the frame was appended.
    public var epoch: Int32
    public var baseOffset: Offset
    public var lastOffset: Offset
    public var appendTime: Timestamp
    /// Filled in by ``WriteAheadLog``.
    public var payloadByteCount: Int

    public init(
        kind: FrameKind, log: LogID, epoch: Int32 = 0, baseOffset: Offset, lastOffset: Offset,
        appendTime: Timestamp, payloadByteCount: Int = 0
    ) {
        self.kind = kind
        self.log = log
        self.epoch = epoch
        self.baseOffset = baseOffset
        self.lastOffset = lastOffset
        self.appendTime = appendTime
        self.payloadByteCount = payloadByteCount
    }
}
