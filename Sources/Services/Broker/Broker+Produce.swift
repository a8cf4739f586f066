import Bytes
import Catalog
import JetStream
import JetStreamAPI
import KafkaCoordination
import KafkaProtocol
import Model
import Records
import Storage
import Transport

/// What became of one partition's records of a Produce request.
public enum ProduceOutcome {
    /// Taken; the answer waits for the durable mark.
    case appended(baseOffset: Offset, logAppendTimeMilliseconds: Int64?)
    /// A retry of what the log has already; the answer waits for the durable mark all the same.
    case duplicate(baseOffset: Offset)
    case refused(KafkaError, message: String, recordIndex: Int?)
}

extension Broker {
    /// Validates one batch, down to its records, and appends it.
    ///
    /// - Parameter allowsZstd: whether the request's version may carry zstd (7 and later).
    public func produce(
        _ bytes: RawSpan, to log: PartitionLog, of stream: StreamEntry, allowsZstd: Bool
    ) -> ProduceOutcome {
        let settings = TopicSettings(stream.topicConfig)
        let now = loop.now
        let batch: ValidatedBatch
        do throws(RecordBatchFault) {
            batch = try validator.validate(
                bytes, rules: produceRules(settings, now: now, allowsZstd: allowsZstd))
        } catch {
            return .refused(
                KafkaError(rawValue: error.kafkaErrorCode) ?? .invalidRecord,
                message: error.description, recordIndex: error.recordIndex)
        }
        if batch.header.hasProducer {
            switch log.producers.decide(ProducerBatch(batch.header)) {
            case .append: break
            case .duplicate(let base, _): return .duplicate(baseOffset: base)
            case .refused(let error):
                return .refused(error, message: "producer \(batch.header.producerID.value)", recordIndex: nil)
            }
        }
        do {
            if let refusal = try streamRefusal(of: batch, bytes, to: log, of: stream) { return refusal }
            return try append(batch, bytes, to: log, settings: settings, now: now)
        } catch {
            return .refused(.kafkaStorageError, message: "\(error)", recordIndex: nil)
        }
    }

    private func produceRules(
        _ settings: TopicSettings, now: Timestamp, allowsZstd: Bool
    ) -> ProduceRules {
        var rules = ProduceRules()
        rules.maxBatchByteCount = settings.set("max.message.bytes").flatMap { Int($0) } ?? options.batchByteLimit
        rules.requiresKeys = settings.isCompacted
        rules.allowsZstd = allowsZstd
        if settings.usesAppendTime {
            rules.timestampsMilliseconds = nil
        } else {
            let before = settings.integer("message.timestamp.before.max.ms") ?? .max
            let after = settings.integer("message.timestamp.after.max.ms") ?? .max
            let time = now.milliseconds
            let (earliest, under) = time.subtractingReportingOverflow(before)
            let (latest, over) = time.addingReportingOverflow(after)
            rules.timestampsMilliseconds = (under ? .min : earliest)...(over ? .max : latest)
        }
        return rules
    }

    /// Why JetStream's side of the stream does not take the batch: a record's subject is none of the stream's, or a
    /// limit of the stream says no.
    ///
    /// A Kafka-made topic takes every key; there, only records that name their subject in a header are looked at.
    private func streamRefusal(
        of batch: ValidatedBatch, _ bytes: RawSpan, to log: PartitionLog, of stream: StreamEntry
    ) throws -> ProduceOutcome? {
        let isJetStream = stream.origin == .jetStream
        var rendering = NATSMessageBuffer()
        var largest = 0
        var refusal: ProduceOutcome?
        try validator.forEachRecord(ofLast: RecordBatchView(bytes)) { record in
            guard refusal == nil, isJetStream || record.headers.count > 0 else { return }
            rendering.renderSubject(record, prefix: log.keyPrefix)
            guard catalog.captures(rendering.subject, by: stream.id) else {
                let subject = String(repairingUTF8: rendering.subject)
                refusal = .refused(
                    .invalidRecord,
                    message: "subject \(subject) is none of those that \(stream.name) takes: "
                        + stream.subjects.joined(separator: ", "),
                    recordIndex: Int(record.offsetDelta))
                return
            }
            largest = max(largest, record.natsPayload.byteCount + record.headers.bytes.byteCount)
        }
        if refusal != nil { return refusal }
        guard isJetStream else { return nil }
        let error = log.view?.decideProduce(
            recordCount: Int(batch.header.recordCount), byteCount: batch.uncompressedByteCount,
            largestMessageByteCount: largest)
        guard let error = error ?? nil else { return nil }
        return .refused(
            error == .messageTooLarge ? .messageTooLarge : .policyViolation, message: error.description,
            recordIndex: nil)
    }

    private func append(
        _ batch: ValidatedBatch, _ bytes: RawSpan, to log: PartitionLog, settings: TopicSettings,
        now: Timestamp
    ) throws -> ProduceOutcome {
        let usesAppendTime = settings.usesAppendTime
        guard usesAppendTime || batch.hasWrongMaxTimestamp else {
            let base = try appendProduced(bytes, header: batch.header, to: log, now: now)
            return .appended(baseOffset: base, logAppendTimeMilliseconds: nil)
        }
        var corrected = Array(copying: bytes)
        var header = batch.header
        do {
            var span = corrected.mutableSpan
            var raw = span.mutableBytes
            if usesAppendTime {
                RecordBatchPatch.setAppendTime(milliseconds: now.milliseconds, in: &raw)
                header.maxTimestampMilliseconds = now.milliseconds
            } else {
                RecordBatchPatch.setMaxTimestamp(milliseconds: batch.maxTimestampMilliseconds, in: &raw)
                header.maxTimestampMilliseconds = batch.maxTimestampMilliseconds
            }
        }
        let base = try appendProduced(corrected.span.bytes, header: header, to: log, now: now)
        return .appended(
            baseOffset: base, logAppendTimeMilliseconds: usesAppendTime ? now.milliseconds : nil)
    }

    private func appendProduced(
        _ bytes: RawSpan, header: RecordBatchHeader, to log: PartitionLog, now: Timestamp
    ) throws -> Offset {
        sealOpenBatch(of: log)
        log.count(recordCount: Int(header.recordCount))
        let base = try appendBatch(
            bytes, header: header, to: log, appendTime: now,
            forLiveSubscribers: routing(of: log)?.hasInterest(inSubjectsOf: log.keyPrefix.text) ?? false)
        if log.view != nil { try showInView(of: log, bytes, at: base, appendTime: now) }
        return base
    }

    /// The next unused producer id; durable when ``whenDurable(_:_:)`` says so.
    public func takeProducerID() throws(StorageError) -> ProducerID {
        if let reservation = producerIDs.reservation(), case .producerIDsReserved(let end) = reservation {
            try append(coordination: [reservation])
            producerIDs.begin(upTo: end)
        }
        return producerIDs.take()
    }
}
