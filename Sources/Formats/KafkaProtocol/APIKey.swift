/// The requests of the Kafka protocol, by the key that opens each of them.
///
/// Keys 4 to 7 belonged to brokers that kept their metadata in ZooKeeper and are gone.
public enum APIKey: Int16, CaseIterable, Sendable {
    case produce = 0
    case fetch = 1
    case listOffsets = 2
    case metadata = 3
    case offsetCommit = 8
    case offsetFetch = 9
    case findCoordinator = 10
    case joinGroup = 11
    case heartbeat = 12
    case leaveGroup = 13
    case syncGroup = 14
    case describeGroups = 15
    case listGroups = 16
    case saslHandshake = 17
    case apiVersions = 18
    case createTopics = 19
    case deleteTopics = 20
    case deleteRecords = 21
    case initProducerId = 22
    case offsetForLeaderEpoch = 23
    case addPartitionsToTxn = 24
    case addOffsetsToTxn = 25
    case endTxn = 26
    case writeTxnMarkers = 27
    case txnOffsetCommit = 28
    case describeAcls = 29
    case createAcls = 30
    case deleteAcls = 31
    case describeConfigs = 32
    case alterConfigs = 33
    case alterReplicaLogDirs = 34
    case describeLogDirs = 35
    case saslAuthenticate = 36
    case createPartitions = 37
    case createDelegationToken = 38
    case renewDelegationToken = 39
    case expireDelegationToken = 40
    case describeDelegationToken = 41
    case deleteGroups = 42
    case electLeaders = 43
    case incrementalAlterConfigs = 44
    case alterPartitionReassignments = 45
    case listPartitionReassignments = 46
    case offsetDelete = 47
    case describeClientQuotas = 48
    case alterClientQuotas = 49
    case describeUserScramCredentials = 50
    case alterUserScramCredentials = 51
    case vote = 52
    case beginQuorumEpoch = 53
    case endQuorumEpoch = 54
    case describeQuorum = 55
    case alterPartition = 56
    case updateFeatures = 57
    case envelope = 58
    case fetchSnapshot = 59
    case describeCluster = 60
    case describeProducers = 61
    case brokerRegistration = 62
    case brokerHeartbeat = 63
    case unregisterBroker = 64
    case describeTransactions = 65
    case listTransactions = 66
    case allocateProducerIds = 67
    case consumerGroupHeartbeat = 68
    case consumerGroupDescribe = 69
    case controllerRegistration = 70
    case getTelemetrySubscriptions = 71
    case pushTelemetry = 72
    case assignReplicasToDirs = 73
    case listConfigResources = 74
    case describeTopicPartitions = 75
    case shareGroupHeartbeat = 76
    case shareGroupDescribe = 77
    case shareFetch = 78
    case shareAcknowledge = 79
    case addRaftVoter = 80
    case removeRaftVoter = 81
    case updateRaftVoter = 82
    case initializeShareGroupState = 83
    case readShareGroupState = 84
    case writeShareGroupState = 85
    case deleteShareGroupState = 86
    case readShareGroupStateSummary = 87
    case streamsGroupHeartbeat = 88
    case streamsGroupDescribe = 89
    case describeShareGroupOffsets = 90
    case alterShareGroupOffsets = 91
    case deleteShareGroupOffsets = 92
    case streamsGroupTopologyDescriptionUpdate = 93
    case unregisterController = 94
}

extension APIKey {
    /// The versions that this module can read and write, or nil for a request that it has no
    /// message for.
    public var versions: ClosedRange<Int16>? { layout?.versions }

    /// The versions that a broker which serves all of ``versions`` advertises.
    ///
    /// Produce is advertised from 0, though nobody serves 0 to 2: older librdkafka clients take a
    /// range that begins at 3 for a broker that knows neither compression nor the present record
    /// format. Source: KAFKA-18659.
    public var advertisedVersions: ClosedRange<Int16>? {
        self == .produce ? versions.map { 0...$0.upperBound } : versions
    }

    /// Whether `version` has compact lengths and tagged fields.
    public func isFlexible(_ version: Int16) -> Bool {
        guard let layout else { return false }
        return version >= layout.flexibleSince
    }

    private var layout: (versions: ClosedRange<Int16>, flexibleSince: Int16)? {
        switch self {
        case .produce: (3...13, 9)
        case .fetch: (4...18, 12)
        case .listOffsets: (1...11, 6)
        case .metadata: (0...13, 9)
        case .offsetCommit: (2...10, 8)
        case .offsetFetch: (1...10, 6)
        case .findCoordinator: (0...6, 3)
        case .joinGroup: (0...9, 6)
        case .heartbeat: (0...4, 4)
        case .leaveGroup: (0...5, 4)
        case .syncGroup: (0...5, 4)
        case .describeGroups: (0...6, 5)
        case .listGroups: (0...5, 3)
        case .apiVersions: (0...4, 3)
        case .createTopics: (2...7, 5)
        case .deleteTopics: (1...6, 4)
        case .deleteRecords: (0...2, 2)
        case .initProducerId: (0...5, 2)
        case .offsetForLeaderEpoch: (2...4, 4)
        case .describeConfigs: (1...4, 4)
        case .describeLogDirs: (1...5, 2)
        case .createPartitions: (0...3, 2)
        case .deleteGroups: (0...3, 2)
        case .incrementalAlterConfigs: (0...1, 1)
        case .describeCluster: (0...2, 0)
        default: nil
        }
    }
}
