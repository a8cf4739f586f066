import KafkaProtocol
import Model

/// The time as the coordinator needs it: a clock that never jumps for its timers, and the wall for its records.
public struct GroupTime: Hashable, Sendable {
    public var monotonicNanoseconds: Int64
    public var wall: Timestamp

    public init(monotonicNanoseconds: Int64, wall: Timestamp) {
        self.monotonicNanoseconds = monotonicNanoseconds
        self.wall = wall
    }
}

/// Names one parked request; the coordinator hands it back with the answer.
public struct GroupReplyToken: Hashable, Sendable {
    public var value: UInt64
    public init(_ value: UInt64) { self.value = value }
}

public struct GroupOptions: Sendable {
    public var minSessionTimeoutMilliseconds: Int32 = 6_000
    public var maxSessionTimeoutMilliseconds: Int32 = 1_800_000
    /// How long the first join into an empty group waits for others. Kafka's default is 3 s.
    public var initialRebalanceDelayMilliseconds: Int32 = 0
    public var maxMemberCount = Int.max
    /// How many ids may be given out to members that have not joined with them yet.
    public var maxPendingMemberCount = 10_000
    /// How many protocols a member may offer. Clients offer a handful.
    public var maxProtocolCount = 256
    public var maxOffsetMetadataByteCount = 4_096
    /// How long the offsets of a group without members, or of a topic it no longer reads, are kept.
    public var offsetRetentionMilliseconds: Int64 = 10_080 * 60_000
    public var expiryCheckIntervalMilliseconds: Int64 = 600_000
    /// A member that joins for the first time may wait so long in a rebalance without another sign of life.
    public var newMemberTimeoutMilliseconds: Int64 = 300_000

    public init() {}
}

public struct GroupProtocol: Hashable, Sendable {
    public var name: String
    /// Opaque to the broker; for groups of type `consumer` it begins with the subscription.
    public var metadata: [UInt8]

    public init(name: String, metadata: [UInt8]) {
        self.name = name
        self.metadata = metadata
    }
}

public struct JoinCommand: Sendable {
    public var group: String
    /// Empty for a member that has none yet.
    public var memberID: String
    /// What a member without an id will be known by; unique, made by the caller.
    public var freshMemberID: String
    public var instanceID: String?
    public var clientID: String
    public var clientHost: String
    public var sessionTimeoutMilliseconds: Int32
    public var rebalanceTimeoutMilliseconds: Int32
    public var protocolType: String
    /// In the member's order of preference.
    public var protocols: [GroupProtocol]
    /// From version 4 on a dynamic member first gets its id (error 79) and joins with it then.
    public var requiresKnownMemberID: Bool
    /// From version 9 on a returning leader can be told to leave the assignment as it is.
    public var canSkipAssignment: Bool

    public init(
        group: String, memberID: String, freshMemberID: String, instanceID: String?, clientID: String,
        clientHost: String, sessionTimeoutMilliseconds: Int32, rebalanceTimeoutMilliseconds: Int32,
        protocolType: String, protocols: [GroupProtocol], requiresKnownMemberID: Bool,
        canSkipAssignment: Bool
    ) {
        self.group = group
        self.memberID = memberID
        self.freshMemberID = freshMemberID
        self.instanceID = instanceID
        self.clientID = clientID
        self.clientHost = clientHost
        self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
        self.rebalanceTimeoutMilliseconds = rebalanceTimeoutMilliseconds
        self.protocolType = protocolType
        self.protocols = protocols
        self.requiresKnownMemberID = requiresKnownMemberID
        self.canSkipAssignment = canSkipAssignment
    }
}

public struct JoinAnswer: Equatable, Sendable {
    public struct Member: Equatable, Sendable {
        public var memberID: String
        public var instanceID: String?
        public var metadata: [UInt8]
    }

    public var error: KafkaError
    public var generation: Int32 = -1
    public var protocolType: String? = nil
    public var protocolName: String? = nil
    public var leaderID = ""
    public var memberID: String
    public var skipsAssignment = false
    /// All members for the leader, none for the others.
    public var members: [Member] = []

    init(error: KafkaError, memberID: String) {
        self.error = error
        self.memberID = memberID
    }
}

public struct SyncCommand: Sendable {
    public var group: String
    public var generation: Int32
    public var memberID: String
    public var instanceID: String?
    /// Given from version 5 on.
    public var protocolType: String?
    public var protocolName: String?
    /// From the leader: what each member reads.
    public var assignments: [(memberID: String, assignment: [UInt8])]

    public init(
        group: String, generation: Int32, memberID: String, instanceID: String?, protocolType: String?,
        protocolName: String?, assignments: [(memberID: String, assignment: [UInt8])]
    ) {
        self.group = group
        self.generation = generation
        self.memberID = memberID
        self.instanceID = instanceID
        self.protocolType = protocolType
        self.protocolName = protocolName
        self.assignments = assignments
    }
}

public struct SyncAnswer: Equatable, Sendable {
    public var error: KafkaError
    public var protocolType: String? = nil
    public var protocolName: String? = nil
    public var assignment: [UInt8] = []

    init(error: KafkaError) { self.error = error }
}

/// A member as requests name it.
public struct MemberIdentity: Hashable, Sendable {
    /// Empty where an administrator removes a static member by its instance id alone.
    public var memberID: String
    public var instanceID: String?

    public init(memberID: String, instanceID: String?) {
        self.memberID = memberID
        self.instanceID = instanceID
    }
}

/// An answer to a request that was parked, now or long ago.
public enum GroupEffect: Equatable, Sendable {
    case joined(GroupReplyToken, JoinAnswer)
    case synced(GroupReplyToken, SyncAnswer)
}

/// What the coordinator decided: records to append and apply, then effects.
public struct GroupDecision: Equatable, Sendable {
    public var records: [CoordinationRecord] = []
    public var effects: [GroupEffect] = []

    public init(records: [CoordinationRecord] = [], effects: [GroupEffect] = []) {
        self.records = records
        self.effects = effects
    }
}
