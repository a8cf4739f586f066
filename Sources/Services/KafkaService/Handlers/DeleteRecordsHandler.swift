import Broker
import Catalog
import KafkaProtocol
import Model

/// Takes away everything before an offset. Not from topics that keep the last record of each key for ever.
enum DeleteRecordsHandler: RequestHandler {
    static func handle(_ request: DeleteRecordsRequest, _ exchange: Exchange) {
        var response = DeleteRecordsResponse()
        response.topics = request.topics.map { wanted in
            var topic = DeleteRecordsResponse.DeleteRecordsTopicResult()
            topic.name = wanted.name
            let stream = exchange.broker.catalog.stream(topicName: wanted.name)
            topic.partitions = wanted.partitions.map { partition in
                var result = DeleteRecordsResponse.DeleteRecordsPartitionResult()
                result.partitionIndex = partition.partitionIndex
                result.lowWatermark = -1
                guard let stream,
                    let log = exchange.broker.log(
                        of: stream, partition: Int(partition.partitionIndex))
                else {
                    result.errorCode = .unknownTopicOrPartition
                    return result
                }
                delete(before: partition.offset, of: log, stream, exchange, &result)
                return result
            }
            return topic
        }
        exchange.answerWhenDurable(response)
    }

    private static func delete(
        before wanted: Int64, of log: PartitionLog, _ stream: StreamEntry, _ exchange: Exchange,
        _ result: inout DeleteRecordsResponse.DeleteRecordsPartitionResult
    ) {
        let settings = TopicSettings(stream.topicConfig)
        if settings.value("cleanup.policy") == "compact" {
            result.errorCode = .policyViolation
            return
        }
        let offset = wanted == -1 ? log.highWatermark : Offset(wanted)
        guard offset.value >= 0, offset <= log.highWatermark else {
            result.errorCode = .offsetOutOfRange
            return
        }
        do {
            try exchange.broker.deleteRecords(before: offset, from: log)
            result.lowWatermark = log.startOffset.value
        } catch {
            result.errorCode = .kafkaStorageError
        }
    }
}

extension PartitionLog {
    /// The first offset that cannot be read. Where everything that can be read is gone, that is where the log starts.
    var highWatermark: Offset { max(readableEnd, startOffset) }
}
