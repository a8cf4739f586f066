import Broker
import Bytes
import KafkaProtocol
import Model

/// Appends one batch to each partition. What is taken is answered when it is as surely kept as its topics ask for, for
/// acks 1 and all alike.
enum ProduceHandler {
    typealias PartitionResponse = ProduceResponse.PartitionProduceResponse

    static func handle(_ request: ProduceRequest, _ exchange: Exchange, frame: RawSpan) {
        var response = ProduceResponse()
        var isTaken = false
        var assurance = Assurance.memory
        var isRefused = false
        let byID = exchange.version >= 13
        let refusal = refusal(of: request)
        for topicData in request.topicData {
            var topic = ProduceResponse.TopicProduceResponse()
            topic.name = topicData.name
            topic.topicId = topicData.topicId
            let stream = exchange.topic(name: topicData.name, id: topicData.topicId, byID: byID)
            for data in topicData.partitionData {
                var partition = PartitionResponse()
                partition.index = data.index
                partition.baseOffset = -1
                if let (error, message) = refusal {
                    partition.refuse(error, message)
                } else if let stream,
                    let log = exchange.broker.log(of: stream, partition: Int(data.index))
                {
                    // No records at all are refused like any bytes that are no batch.
                    let records = frame.extracting(data.records ?? 0..<0)
                    partition.logStartOffset = log.startOffset.value
                    partition.take(
                        exchange.broker.produce(
                            records, to: log, of: stream, allowsZstd: exchange.version >= 7))
                    if partition.errorCode == .none { assurance = max(assurance, log.lastAssurance) }
                } else {
                    partition.refuse(
                        stream == nil ? exchange.unknownTopic(byID: byID) : .unknownTopicOrPartition,
                        nil)
                }
                if partition.errorCode == .none { isTaken = true } else { isRefused = true }
                topic.partitionResponses.append(partition)
            }
            response.responses.append(topic)
        }
        guard request.acks != 0 else {
            // The only way to say that something went wrong to somebody who does not listen.
            return isRefused ? exchange.hangUp() : exchange.endWithoutAnswer()
        }
        if isTaken {
            exchange.answerWhenDurable(response, assurance)
        } else {
            exchange.answer(response)
        }
    }

    /// Why nothing of the request is taken.
    private static func refusal(of request: ProduceRequest) -> (KafkaError, String)? {
        if !(-1...1).contains(request.acks) {
            return (.invalidRequiredAcks, "acks is \(request.acks); it must be -1, 0 or 1")
        }
        if request.transactionalId != nil {
            return (.transactionalIdAuthorizationFailed, "This broker does not serve transactions.")
        }
        return nil
    }
}

extension ProduceHandler.PartitionResponse {
    fileprivate mutating func refuse(_ error: KafkaError, _ message: String?) {
        errorCode = error
        errorMessage = message
    }

    fileprivate mutating func take(_ outcome: ProduceOutcome) {
        switch outcome {
        case .appended(let offset, let appendTime):
            baseOffset = offset.value
            logAppendTimeMs = appendTime ?? -1
        case .duplicate(let offset):
            baseOffset = offset.value
        case .refused(let error, let message, let recordIndex):
            refuse(error, message)
            if let recordIndex {
                var record = ProduceResponse.BatchIndexAndErrorMessage()
                record.batchIndex = Int32(recordIndex)
                record.batchIndexErrorMessage = message
                recordErrors = [record]
            }
        }
    }
}
