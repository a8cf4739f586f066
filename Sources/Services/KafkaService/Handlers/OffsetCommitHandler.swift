import Broker
import Catalog
import KafkaCoordination
import KafkaProtocol
import Model

/// Notes how far a group has read; answered when it is on disk.
enum OffsetCommitHandler: RequestHandler {
    static func handle(_ request: OffsetCommitRequest, _ exchange: Exchange) {
        let byID = exchange.version >= 10
        var response = OffsetCommitResponse()
        var commits: [OffsetCommit] = []
        /// Where in the response the answer to each commit belongs.
        var places: [(topic: Int, partition: Int)] = []
        for wanted in request.topics {
            var topic = OffsetCommitResponse.OffsetCommitResponseTopic()
            topic.name = wanted.name
            topic.topicId = wanted.topicId
            let stream = exchange.topic(name: wanted.name, id: wanted.topicId, byID: byID)
            for partition in wanted.partitions {
                var result = OffsetCommitResponse.OffsetCommitResponsePartition()
                result.partitionIndex = partition.partitionIndex
                if let stream, stream.logs.indices.contains(Int(partition.partitionIndex)) {
                    places.append((response.topics.count, topic.partitions.count))
                    commits.append(
                        OffsetCommit(
                            topic: stream.name, partition: partition.partitionIndex,
                            offset: Offset(partition.committedOffset),
                            leaderEpoch: partition.committedLeaderEpoch,
                            metadata: partition.committedMetadata ?? ""))
                } else {
                    result.errorCode =
                        stream == nil ? exchange.unknownTopic(byID: byID) : .unknownTopicOrPartition
                }
                topic.partitions.append(result)
            }
            response.topics.append(topic)
        }
        let member = MemberIdentity(
            memberID: request.memberId, instanceID: request.groupInstanceId)
        let answers = exchange.service.coordinate { groups, now in
            groups.commit(
                group: request.groupId, member, generation: request.generationIdOrMemberEpoch,
                commits, now: now)
        }
        for (index, place) in places.enumerated() {
            response.topics[place.topic].partitions[place.partition].errorCode =
                answers?[index] ?? .kafkaStorageError
        }
        exchange.answerWhenDurable(response)
    }
}
