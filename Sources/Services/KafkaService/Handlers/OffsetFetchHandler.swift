import Broker
import Catalog
import KafkaCoordination
import KafkaProtocol
import Model

/// How far groups have read. What was never committed is offset -1, and no error.
enum OffsetFetchHandler: RequestHandler {
    static func handle(_ request: OffsetFetchRequest, _ exchange: Exchange) {
        var response = OffsetFetchResponse()
        if exchange.version >= 8 {
            response.groups = request.groups.map { group($0, exchange) }
        } else if request.groupId.isEmpty {
            response.errorCode = .invalidGroupId
        } else {
            response.topics = topics(request, exchange)
        }
        exchange.answer(response)
    }

    // MARK: One group, up to version 7

    private static func topics(
        _ request: OffsetFetchRequest, _ exchange: Exchange
    ) -> [OffsetFetchResponse.OffsetFetchResponseTopic] {
        let offsets = exchange.broker.groups.offsets
        func topic(
            _ name: String, _ partitions: [(Int32, CommittedOffset?)]
        ) -> OffsetFetchResponse.OffsetFetchResponseTopic {
            var topic = OffsetFetchResponse.OffsetFetchResponseTopic()
            topic.name = name
            topic.partitions = partitions.map { index, committed in
                var partition = OffsetFetchResponse.OffsetFetchResponsePartition()
                partition.partitionIndex = index
                partition.committedOffset = committed?.offset.value ?? -1
                partition.committedLeaderEpoch = committed?.leaderEpoch ?? -1
                partition.metadata = committed?.metadata ?? ""
                return partition
            }
            return topic
        }
        guard let wanted = request.topics else {
            return offsets.all(of: request.groupId).map { topic($0.topic, $0.partitions) }
        }
        return wanted.map { entry in
            topic(
                entry.name,
                entry.partitionIndexes.map { ($0, offsets[request.groupId, entry.name, $0]) })
        }
    }

    // MARK: Several groups, from version 8 on; by topic id from version 10 on

    private static func group(
        _ request: OffsetFetchRequest.OffsetFetchRequestGroup, _ exchange: Exchange
    ) -> OffsetFetchResponse.OffsetFetchResponseGroup {
        var group = OffsetFetchResponse.OffsetFetchResponseGroup()
        group.groupId = request.groupId
        if request.groupId.isEmpty {
            group.errorCode = .invalidGroupId
            return group
        }
        let offsets = exchange.broker.groups.offsets
        let byID = exchange.version >= 10
        guard let wanted = request.topics else {
            group.topics = offsets.all(of: request.groupId).compactMap { name, partitions in
                let stream = exchange.broker.catalog.stream(topicName: name)
                if byID, stream == nil { return nil }
                return topic(name, stream?.topicID ?? .none, partitions)
            }
            return group
        }
        group.topics = wanted.map { entry in
            guard byID else {
                return topic(
                    entry.name, .none,
                    entry.partitionIndexes.map { ($0, offsets[request.groupId, entry.name, $0]) })
            }
            guard let stream = exchange.broker.catalog.stream(topicID: entry.topicId) else {
                var unknown = topic("", entry.topicId, entry.partitionIndexes.map { ($0, nil) })
                for index in unknown.partitions.indices {
                    unknown.partitions[index].errorCode = .unknownTopicId
                }
                return unknown
            }
            return topic(
                stream.name, entry.topicId,
                entry.partitionIndexes.map { ($0, offsets[request.groupId, stream.name, $0]) })
        }
        return group
    }

    private static func topic(
        _ name: String, _ id: TopicID, _ partitions: [(Int32, CommittedOffset?)]
    ) -> OffsetFetchResponse.OffsetFetchResponseTopics {
        var topic = OffsetFetchResponse.OffsetFetchResponseTopics()
        topic.name = name
        topic.topicId = id
        topic.partitions = partitions.map { index, committed in
            var partition = OffsetFetchResponse.OffsetFetchResponsePartitions()
            partition.partitionIndex = index
            partition.committedOffset = committed?.offset.value ?? -1
            partition.committedLeaderEpoch = committed?.leaderEpoch ?? -1
            partition.metadata = committed?.metadata ?? ""
            return partition
        }
        return topic
    }
}
