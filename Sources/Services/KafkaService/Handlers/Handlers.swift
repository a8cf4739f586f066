import Bytes
import KafkaProtocol

/// Answers the requests of one API.
protocol RequestHandler {
    associatedtype Request: KafkaRequest
    static func handle(_ request: Request, _ exchange: Exchange)
}

extension Exchange {
    /// Reads the request and hands it to its handler.
    func dispatch(_ reader: inout ByteReader, frame: RawSpan) throws(MalformedBytes) {
        switch api {
        case .produce:
            ProduceHandler.handle(
                try ProduceRequest(decoding: &reader, version: version), self, frame: frame)
        case .fetch: try run(FetchHandler.self, &reader)
        case .listOffsets: try run(ListOffsetsHandler.self, &reader)
        case .metadata: try run(MetadataHandler.self, &reader)
        case .offsetCommit: try run(OffsetCommitHandler.self, &reader)
        case .offsetFetch: try run(OffsetFetchHandler.self, &reader)
        case .findCoordinator: try run(FindCoordinatorHandler.self, &reader)
        case .joinGroup: try run(JoinGroupHandler.self, &reader)
        case .heartbeat: try run(HeartbeatHandler.self, &reader)
        case .leaveGroup: try run(LeaveGroupHandler.self, &reader)
        case .syncGroup: try run(SyncGroupHandler.self, &reader)
        case .describeGroups: try run(DescribeGroupsHandler.self, &reader)
        case .listGroups: try run(ListGroupsHandler.self, &reader)
        case .apiVersions: try run(ApiVersionsHandler.self, &reader)
        case .createTopics: try run(CreateTopicsHandler.self, &reader)
        case .deleteRecords: try run(DeleteRecordsHandler.self, &reader)
        case .deleteTopics: try run(DeleteTopicsHandler.self, &reader)
        case .initProducerId: try run(InitProducerIdHandler.self, &reader)
        case .offsetForLeaderEpoch: try run(OffsetForLeaderEpochHandler.self, &reader)
        case .describeConfigs: try run(DescribeConfigsHandler.self, &reader)
        case .describeLogDirs: try run(DescribeLogDirsHandler.self, &reader)
        case .createPartitions: try run(CreatePartitionsHandler.self, &reader)
        case .deleteGroups: try run(DeleteGroupsHandler.self, &reader)
        case .incrementalAlterConfigs: try run(IncrementalAlterConfigsHandler.self, &reader)
        case .describeCluster: try run(DescribeClusterHandler.self, &reader)
        default: preconditionFailure("\(api) is advertised and has no handler")
        }
    }

    private func run<Handler: RequestHandler>(
        _: Handler.Type, _ reader: inout ByteReader
    ) throws(MalformedBytes) {
        Handler.handle(try Handler.Request(decoding: &reader, version: version), self)
    }
}

extension APIKey {
    /// What has a handler; nothing else is advertised.
    static let served: Set<APIKey> = [
        .produce, .fetch, .listOffsets, .metadata, .offsetCommit, .offsetFetch, .findCoordinator,
        .joinGroup, .heartbeat, .leaveGroup, .syncGroup, .describeGroups, .listGroups, .apiVersions,
        .createTopics, .deleteRecords, .deleteTopics, .initProducerId, .offsetForLeaderEpoch,
        .describeConfigs, .describeLogDirs, .createPartitions, .deleteGroups, .incrementalAlterConfigs,
        .describeCluster,
    ]

    var isServed: Bool { Self.served.contains(self) }
}
