/// One member of a group.
struct GroupMember: Sendable {
    var id: String
    /// Static members (KIP-345) have one; it outlives their member id.
    var instanceID: String?
    var clientID: String
    var clientHost: String
    var sessionTimeoutNanoseconds: Int64
    var rebalanceTimeoutNanoseconds: Int64
    var protocols: [GroupProtocol]
    var assignment: [UInt8] = []

    /// The JoinGroup that waits for the rebalance to complete.
    var parkedJoin: GroupReplyToken?
    /// The SyncGroup that waits for the leader's assignment.
    var parkedSync: GroupReplyToken?
    /// Has joined the running generation and not asked for its assignment yet.
    var owesSync = false
    /// When the member is taken for dead, by the monotonic clock. None while one of its requests is parked.
    var deadline: Int64?

    func metadata(of protocolName: String?) -> [UInt8] {
        protocols.first { $0.name == protocolName }?.metadata ?? []
    }

    func supports(_ protocolName: String) -> Bool {
        protocols.contains { $0.name == protocolName }
    }

    /// The topics that the member reads, as far as its subscription can be read.
    var subscribedTopics: Set<String>? {
        protocols.first.flatMap { ConsumerSubscription.topics(in: $0.metadata) }
    }
}
