import Broker
import Bytes
import KafkaProtocol
import Model
import Platform
import Storage

/// Stored batches as they are. Where there are too few of them, the request waits: see ``ParkedFetch``.
enum FetchHandler: RequestHandler {
    static func handle(_ request: FetchRequest, _ exchange: Exchange) {
        if request.sessionEpoch > 0 {
            // The broker keeps no fetch sessions: the client goes on with full requests.
            var response = FetchResponse()
            response.errorCode =
                request.sessionId == 0 ? .invalidFetchSessionEpoch : .fetchSessionIdNotFound
            return exchange.answer(response)
        }
        let plan = FetchPlan(request, exchange)
        if plan.isReady() {
            plan.answer()
        } else {
            ParkedFetch(plan).park()
        }
    }
}

/// What a fetch asks for, with everything looked up.
struct FetchPlan {
    struct Partition {
        var request: FetchRequest.FetchPartition
        /// Nil with an error.
        var log: PartitionLog?
        var error: KafkaError
    }

    struct Topic {
        var request: FetchRequest.FetchTopic
        var partitions: [Partition]
    }

    let exchange: Exchange
    let maxWaitNanoseconds: Int64
    private let topics: [Topic]
    private let minByteCount: Int
    private let byteLimit: Int
    private let readsCommitted: Bool

    init(_ request: FetchRequest, _ exchange: Exchange) {
        self.exchange = exchange
        let byID = exchange.version >= 13
        maxWaitNanoseconds = Int64(max(0, request.maxWaitMs)) * 1_000_000
        byteLimit = min(max(0, Int(request.maxBytes)), exchange.service.options.fetchByteLimit)
        minByteCount = min(Int(request.minBytes), byteLimit)
        readsCommitted = request.isolationLevel == 1
        topics = request.topics.map { topic in
            let stream = exchange.topic(name: topic.topic, id: topic.topicId, byID: byID)
            return Topic(
                request: topic,
                partitions: topic.partitions.map { partition in
                    guard let stream else {
                        return Partition(
                            request: partition, log: nil, error: exchange.unknownTopic(byID: byID))
                    }
                    guard
                        let log = exchange.broker.log(
                            of: stream, partition: Int(partition.partition))
                    else {
                        return Partition(
                            request: partition, log: nil, error: .unknownTopicOrPartition)
                    }
                    let error = exchange.epochError(partition.currentLeaderEpoch)
                    return Partition(request: partition, log: log, error: error ?? .none)
                })
        }
    }

    var logs: [PartitionLog] { topics.flatMap { $0.partitions.compactMap(\.log) } }

    /// Whether to answer now: there is enough to read, nothing to wait for, or something to say at once.
    func isReady() -> Bool {
        if maxWaitNanoseconds == 0 || minByteCount <= 0 || topics.isEmpty { return true }
        var count = 0
        for topic in topics {
            for partition in topic.partitions {
                guard let log = partition.log, partition.error == .none, !log.isDeleted,
                    rangeError(partition, log) == nil
                else { return true }
                let more = try? exchange.broker.readableByteCount(
                    of: log, from: Offset(partition.request.fetchOffset),
                    limit: minByteCount - count)
                // What cannot be read is said at once, by reading it.
                guard let more else { return true }
                count += more
                if count >= minByteCount { return true }
            }
        }
        return false
    }

    private func rangeError(_ partition: Partition, _ log: PartitionLog) -> KafkaError? {
        let offset = Offset(partition.request.fetchOffset)
        return offset < log.startOffset || offset > log.endOffset ? .offsetOutOfRange : nil
    }

    /// Reads what is there and sends it.
    func answer() {
        var writer = FetchResponseWriter(
            FetchResponse(), topicCount: topics.count,
            correlationId: exchange.header.correlationId, version: exchange.version,
            writer: ByteWriter())
        var bytesLeft = byteLimit
        var regions: [FileRegion] = []
        var isEmpty = true
        for topic in topics {
            var head = FetchResponse.FetchableTopicResponse()
            head.topic = topic.request.topic
            head.topicId = topic.request.topicId
            writer.beginTopic(head, partitionCount: topic.partitions.count)
            for partition in topic.partitions {
                let (data, records) = read(
                    partition, byteLimit: bytesLeft, atLeastOne: isEmpty,
                    fromFiles: regions.count < Self.regionLimit && exchange.session.sendsFiles(in: exchange.slot))
                bytesLeft = max(0, bytesLeft - records.byteCount)
                if records.byteCount > 0 { isEmpty = false }
                writer.beginPartition(data, recordsByteCount: records.byteCount)
                for region in records.regions { writer.leaveOutRecords(byteCount: region.byteCount) }
                regions += records.regions
                writer.appendRecords(records.bytes.span.bytes)
            }
        }
        exchange.answer(Self.answer(of: writer.finishInParts(), regions))
    }

    /// How many stretches of files one answer has, about: each may hold a file open.
    private static let regionLimit = 64

    private static func answer(of parts: [[UInt8]], _ regions: [FileRegion]) -> Answer {
        var answer = Answer(parts[0])
        for (region, behind) in zip(regions, parts.dropFirst()) {
            answer.append(region)
            answer.append(behind)
        }
        return answer
    }

    private func read(
        _ partition: Partition, byteLimit: Int, atLeastOne: Bool, fromFiles: Bool
    ) -> (FetchResponse.PartitionData, StoredRecords) {
        var data = FetchResponse.PartitionData()
        data.partitionIndex = partition.request.partition
        data.highWatermark = -1
        if readsCommitted { data.abortedTransactions = [] }
        guard let log = partition.log, !log.isDeleted else {
            data.errorCode = partition.error == .none ? .unknownTopicOrPartition : partition.error
            return (data, StoredRecords())
        }
        data.highWatermark = log.highWatermark.value
        data.lastStableOffset = log.highWatermark.value
        data.logStartOffset = log.startOffset.value
        if partition.error != .none {
            data.errorCode = partition.error
            return (data, StoredRecords())
        }
        if let error = rangeError(partition, log) {
            data.errorCode = error
            return (data, StoredRecords())
        }
        var records = StoredRecords()
        do {
            try exchange.broker.readBatches(
                of: log, from: Offset(partition.request.fetchOffset),
                byteLimit: min(byteLimit, Int(max(0, partition.request.partitionMaxBytes))),
                atLeastOne: atLeastOne, fromFiles: fromFiles, into: &records)
        } catch .damaged {
            data.errorCode = .corruptMessage
        } catch {
            data.errorCode = .kafkaStorageError
        }
        return (data, records)
    }
}
