/// How much one client may ask for, and how long it may take.
public struct LimitOptions: Sendable, Equatable {
    /// `max_payload`: headers and payload of one message together, in bytes.
    public var maximumPayload = 1 << 20
    /// `max_control_line`: the arguments of one command, in bytes.
    public var maximumControlLine = 4096
    /// `max_pending`: bytes that may wait for one client before it is cut off.
    public var maximumPending = 64 << 20
    /// `max_connections`; -1 for no limit.
    public var maximumConnections = 65536
    /// `max_subscriptions` of one connection; 0 for no limit.
    public var maximumSubscriptions = 0
    /// `max_sub_tokens` of one subject subscribed to; 0 for no limit.
    public var maximumSubscriptionTokens = 0
    /// `max_closed_clients`: how many ended connections monitoring remembers.
    public var maximumClosedClients = 10_000
    /// `ping_interval`
    public var pingIntervalNanoseconds: Int64 = 120_000_000_000
    /// `ping_max`: so many unanswered PINGs end a connection.
    public var maximumPingsOut = 2
    /// `write_deadline`: how long a client may take nothing of what waits for it.
    public var writeDeadlineNanoseconds: Int64 = 10_000_000_000
    /// `write_timeout`: what happens to a client that misses the write deadline.
    public var writeTimeoutPolicy = WriteTimeoutPolicy.close
    /// `no_fast_producer_stall`: skip a receiver that is far behind in place of slowing down who
    /// publishes.
    public var neverStallsProducers = false

    public init() {}
}

/// What becomes of a client that took nothing until its write deadline.
public enum WriteTimeoutPolicy: String, Sendable, Equatable {
    case close
    case retry
}

/// How the server ends when it is asked to end gently (SIGUSR2).
public struct LameDuckOptions: Sendable, Equatable {
    /// Over which time clients are closed, one after the other.
    public var durationNanoseconds: Int64 = 120_000_000_000
    /// How long clients have to leave by themselves before that.
    public var gracePeriodNanoseconds: Int64 = 10_000_000_000

    public init() {}
}
