/// The `jetstream` block: what is kept, and how much of it.
public struct JetStreamOptions: Sendable, Equatable {
    /// Nil: ``ServerOptions/storeDirectory``.
    public var storeDirectory: String?
    /// Bytes; nil: three quarters of the machine's memory.
    public var maximumMemory: Int64?
    /// Bytes; nil: what the disk has left.
    public var maximumStorage: Int64?
    public var domain: String?
    /// False: requests with unknown fields are answered all the same.
    public var strict = true
    /// `sync_interval`: how long what file streams store may wait for its sync. Nil, also for `always` and 0:
    /// acknowledgements wait for the disk.
    public var syncIntervalNanoseconds: Int64?
    public var limits = JetStreamLimitOptions()

    public init() {}
}

/// 0 for the server's default.
public struct JetStreamLimitOptions: Sendable, Equatable {
    /// Of one consumer, if it says nothing.
    public var maximumAckPending = 0
    /// Messages that one pull request may ask for.
    public var maximumRequestBatch = 0
    /// The longest window for message ids.
    public var duplicateWindowNanoseconds: Int64 = 0
    /// Consumers of a stream that says nothing; -1 for no limit.
    public var defaultMaximumConsumers = 1000

    public init() {}
}
