import Broker
import Catalog
import KafkaProtocol
import Model

/// A single node that never lost its log has one epoch, which ends where the log does.
enum OffsetForLeaderEpochHandler: RequestHandler {
    static func handle(_ request: OffsetForLeaderEpochRequest, _ exchange: Exchange) {
        var response = OffsetForLeaderEpochResponse()
        response.topics = request.topics.map { wanted in
            var topic = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult()
            topic.topic = wanted.topic
            let stream = exchange.broker.catalog.stream(topicName: wanted.topic)
            topic.partitions = wanted.partitions.map { partition in
                var result = OffsetForLeaderEpochResponse.EpochEndOffset()
                result.partition = partition.partition
                guard let stream,
                    let log = exchange.broker.log(of: stream, partition: Int(partition.partition))
                else {
                    result.errorCode = .unknownTopicOrPartition
                    return result
                }
                if let error = exchange.epochError(partition.currentLeaderEpoch) {
                    result.errorCode = error
                } else if partition.leaderEpoch == PartitionLog.leaderEpoch {
                    result.leaderEpoch = PartitionLog.leaderEpoch
                    result.endOffset = log.highWatermark.value
                }
                return result
            }
            return topic
        }
        exchange.answer(response)
    }
}
