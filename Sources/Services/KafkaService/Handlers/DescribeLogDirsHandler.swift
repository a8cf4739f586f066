import Broker
import Catalog
import KafkaProtocol

/// How many bytes the partitions take. There is one data folder.
enum DescribeLogDirsHandler: RequestHandler {
    static func handle(_ request: DescribeLogDirsRequest, _ exchange: Exchange) {
        var folder = DescribeLogDirsResponse.DescribeLogDirsResult()
        folder.logDir = exchange.broker.dataFolderPath
        if let wanted = request.topics {
            for topic in wanted {
                guard let stream = exchange.broker.catalog.stream(topicName: topic.topic) else {
                    continue
                }
                folder.topics.append(sizes(stream, topic.partitions.map(Int.init), exchange))
            }
        } else {
            let all = exchange.broker.catalog.streams.values.filter { $0.topicName != nil }
            for stream in all.sorted(by: { $0.name < $1.name }) {
                folder.topics.append(sizes(stream, Array(stream.logs.indices), exchange))
            }
        }
        var response = DescribeLogDirsResponse()
        response.results = [folder]
        exchange.answer(response)
    }

    private static func sizes(
        _ stream: StreamEntry, _ partitions: [Int], _ exchange: Exchange
    ) -> DescribeLogDirsResponse.DescribeLogDirsTopic {
        var topic = DescribeLogDirsResponse.DescribeLogDirsTopic()
        topic.name = stream.name
        topic.partitions = partitions.compactMap { index in
            guard let log = exchange.broker.log(of: stream, partition: index) else { return nil }
            var partition = DescribeLogDirsResponse.DescribeLogDirsPartition()
            partition.partitionIndex = Int32(index)
            partition.partitionSize = exchange.broker.byteCount(of: log)
            return partition
        }
        return topic
    }
}
