import Bytes
import Catalog
import JetStream
import JetStreamAPI
import Model
import Records
import Storage
import Transport

/// What became of a NATS message for a stream.
public enum PublishOutcome {
    /// Taken; the PubAck waits for the durable mark.
    case stored(StreamSequence)
    /// Its `Nats-Msg-Id` is stored already.
    case duplicate(StreamSequence)
    case refused(JetStreamError)
    /// It depends on the log's messages, and they are being read: publish it again when the log is awake.
    case waits
}

extension Broker {
    /// Takes a NATS message into a stream.
    ///
    /// - Parameter headers: the raw block, empty for none.
    public func publish(
        to log: PartitionLog, subject: RawSpan, headers: RawSpan, payload: RawSpan
    ) -> PublishOutcome {
        if subject.byteCount == log.keyPrefix.text.utf8.count, needsKeys(log) {
            return .refused(.storeFailed("a record of a compacted topic needs a key"))
        }
        do {
            let byteCount = subject.byteCount + headers.byteCount + payload.byteCount
            let now = loop.now
            // In place: a copy of the view would have to be made before each change.
            let decision = log.view?.decidePublish(
                subject: subject, headers: headers, payloadByteCount: payload.byteCount, now: now)
            switch decision {
            case nil:
                if dependsOnNothing(headers, log) { return try publishAsleep(to: log, subject, headers, payload) }
                guard try wake(log) else { return .waits }
                return publish(to: log, subject: subject, headers: headers, payload: payload)
            case .refused(let error): return .refused(error)
            case .duplicate(let sequence): return .duplicate(sequence)
            case .store(let plan):
                // Room for what a rollup takes away is counted before anything is taken.
                let rollupByteCount = plan.rollup == nil ? 0 : subject.byteCount + 512
                try openBatch(
                    of: log, forRecordOf: Self.recordByteCount(byteCount, headers) + rollupByteCount)
                log.openBatch.builder.append(
                    natsSubject: subject, headers: headers, payload: payload, prefix: log.keyPrefix,
                    timestampMilliseconds: now.milliseconds)
                log.endOffset = log.endOffset.advanced(by: 1)
                log.count(recordCount: 1)
                let took = log.view?.applyStored(
                    subject: subject, size: plan.size, messageID: plan.messageID,
                    timeToLive: plan.timeToLive, time: now)
                if took == true { moveStart(of: log) }
                if let rollup = plan.rollup { try remove(rollup, from: log) }
                if plan.needsInterest { keepIfWanted(plan.sequence, subject, in: log) }
                return .stored(plan.sequence)
            }
        } catch let error as JetStreamError {
            return .refused(error)
        } catch let error as StorageError {
            if case .storageFull = error { return .refused(.insufficientResources) }
            return .refused(.storeFailed("\(error)"))
        } catch {
            return .refused(.storeFailed("\(error)"))
        }
    }

    /// Whether a message can be taken without a look at what is there: nothing in it asks for that, and nobody has ever given the
    /// topic a limit of JetStream's.
    private func dependsOnNothing(_ headers: RawSpan, _ log: PartitionLog) -> Bool {
        guard let place = catalog.place(of: log.id), let stream = catalog[place.stream], stream.origin == .kafka else { return false }
        return !stream.isConfiguredByJetStream && !StreamMachine.isSteered(by: headers)
    }

    /// Takes a message for a log that has no view.
    ///
    /// - Throws: `storageFull`.
    private func publishAsleep(
        to log: PartitionLog, _ subject: RawSpan, _ headers: RawSpan, _ payload: RawSpan
    ) throws(StorageError) -> PublishOutcome {
        if headers.byteCount > StreamMachine.headerByteLimit { return .refused(.headersTooLarge) }
        let byteCount = subject.byteCount + headers.byteCount + payload.byteCount
        try openBatch(of: log, forRecordOf: Self.recordByteCount(byteCount, headers))
        log.openBatch.builder.append(
            natsSubject: subject, headers: headers, payload: payload, prefix: log.keyPrefix,
            timestampMilliseconds: loop.now.milliseconds)
        let sequence = StreamSequence(log.endOffset)
        log.endOffset = log.endOffset.advanced(by: 1)
        log.count(recordCount: 1)
        return .stored(sequence)
    }

    /// Whether records without a key would be compacted away.
    private func needsKeys(_ log: PartitionLog) -> Bool {
        guard let place = catalog.place(of: log.id), let stream = catalog[place.stream] else { return false }
        return stream.origin == .kafka && TopicSettings(stream.topicConfig).isCompacted
    }

    /// An upper bound for a record made of a message: each header line costs a few bytes more than on the wire.
    private static func recordByteCount(_ messageByteCount: Int, _ headers: RawSpan) -> Int {
        messageByteCount + headers.byteCount + 128
    }
}
