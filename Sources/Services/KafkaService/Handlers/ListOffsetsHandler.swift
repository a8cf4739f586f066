import Broker
import Catalog
import KafkaProtocol
import Model

/// Offsets by time, and the special ones that negative times stand for.
enum ListOffsetsHandler: RequestHandler {
    private enum Special: Int64 {
        case latest = -1
        case earliest = -2
        case maxTimestamp = -3
        case earliestLocal = -4
        case latestTiered = -5
        case earliestPendingUpload = -6

        /// The first version of the request that knows it.
        var sinceVersion: Int16 {
            switch self {
            case .latest, .earliest: 1
            case .maxTimestamp: 7
            case .earliestLocal: 8
            case .latestTiered: 9
            case .earliestPendingUpload: 11
            }
        }
    }

    static func handle(_ request: ListOffsetsRequest, _ exchange: Exchange) {
        var response = ListOffsetsResponse()
        var counts: [String: [Int32: Int]] = [:]
        for topic in request.topics {
            for partition in topic.partitions {
                counts[topic.name, default: [:]][partition.partitionIndex, default: 0] += 1
            }
        }
        for wanted in request.topics {
            var topic = ListOffsetsResponse.ListOffsetsTopicResponse()
            topic.name = wanted.name
            let stream = exchange.broker.catalog.stream(topicName: wanted.name)
            for partition in wanted.partitions {
                var result = ListOffsetsResponse.ListOffsetsPartitionResponse()
                result.partitionIndex = partition.partitionIndex
                if counts[wanted.name]?[partition.partitionIndex] != 1 {
                    result.errorCode = .invalidRequest
                } else if let error = exchange.epochError(partition.currentLeaderEpoch) {
                    result.errorCode = error
                } else if let stream,
                    let log = exchange.broker.log(
                        of: stream, partition: Int(partition.partitionIndex))
                {
                    find(partition.timestamp, in: log, exchange, &result)
                } else {
                    result.errorCode = .unknownTopicOrPartition
                }
                topic.partitions.append(result)
            }
            response.topics.append(topic)
        }
        exchange.answer(response)
    }

    private static func find(
        _ timestamp: Int64, in log: PartitionLog, _ exchange: Exchange,
        _ result: inout ListOffsetsResponse.ListOffsetsPartitionResponse
    ) {
        func found(_ offset: Offset, _ time: Int64 = -1) {
            result.offset = offset.value
            result.timestamp = time
            result.leaderEpoch = PartitionLog.leaderEpoch
        }
        do {
            if timestamp >= 0 {
                if let hit = try exchange.broker.firstOffset(of: log, withTimestamp: timestamp) {
                    found(hit.offset, hit.timestampMilliseconds)
                }
                return
            }
            guard let special = Special(rawValue: timestamp),
                exchange.version >= special.sinceVersion
            else {
                result.errorCode = .unsupportedVersion
                return
            }
            switch special {
            case .latest: found(log.highWatermark)
            case .earliest, .earliestLocal: found(log.startOffset)
            case .maxTimestamp:
                if let hit = try exchange.broker.offsetOfMaxTimestamp(of: log) {
                    found(hit.offset, hit.timestampMilliseconds)
                }
            // Nothing is tiered, nor will be: no offset, no epoch.
            case .latestTiered, .earliestPendingUpload: break
            }
        } catch {
            result.errorCode = .kafkaStorageError
        }
    }
}
