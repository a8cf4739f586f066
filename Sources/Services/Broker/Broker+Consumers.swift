import Bytes
import Catalog
import JSON
import JetStream
import JetStreamAPI
import Logging
import Model
import Storage
import Transport

extension Broker {
    /// What the catalog says of a consumer of a log with a JetStream view: created, changed or deleted. Live and in
    /// recovery alike.
    func applyToConsumers(_ record: CatalogRecord, of log: PartitionLog) {
        switch record {
        case .consumerCreated(_, let name, let created, let json):
            guard let view = log.view, let config = try? ConsumerConfig(json: json) else { return }
            let machine = ConsumerMachine(
                name: name, config: config, created: created, stream: view,
                startSequence: config.startTime.map { sequence(from: $0, in: log) })
            log.consumers[name] = StreamConsumer(log: log, name: name, machine: machine)
        case .consumerUpdated(_, let name, let json):
            guard let consumer = log.consumers[name], let config = try? ConsumerConfig(json: json)
            else { return }
            if config.filters != consumer.machine.config.filters { loseInterest(log) }
            // A new deliver subject needs a new writer of it; the rest goes on.
            consumer.machine.apply(config)
            guard config.deliverSubject != String(decoding: consumer.deliverSubject, as: UTF8.self)
            else {
                return
            }
            retire(consumer)
            log.consumers[name] = StreamConsumer(log: log, name: name, machine: consumer.machine)
        case .consumerDeleted(_, let name):
            loseInterest(log)
            guard let consumer = log.consumers.removeValue(forKey: name) else { return }
            retire(consumer)
        default: break
        }
    }

    /// What happened to a consumer: the length of its name as a varint, its name and the machine's record.
    func applyConsumerFrame(_ payload: RawSpan, of log: PartitionLog) throws {
        var reader = ByteReader(payload)
        let length = try reader.unsignedVarint()
        let name = try reader.string(Int(clamping: length))
        let record = try reader.bytes(reader.remaining)
        // Records of a consumer that was deleted meanwhile are still there.
        guard let consumer = log.consumers[name] else { return }
        defer { settle(consumer) }
        try consumer.machine.apply(record: record)
    }

    /// Writes down what the consumer did.
    ///
    /// - Returns: false if there is no room on the disk, and as long as what there was no room for is not written down
    ///   either; then a restart delivers again what was delivered now, and nothing of it may be confirmed.
    @discardableResult
    public func writeRecord(of consumer: StreamConsumer) -> Bool {
        guard !consumer.isDeleted, !consumer.log.isDeleted else { return true }
        if consumer.machine.isAheadOfLog, !hasRoom(for: consumer.machine.stateByteCount) { return false }
        guard let record = consumer.machine.takeRecord() else { return true }
        var writer = ByteWriter(capacity: record.count + consumer.name.utf8.count + 2)
        writer.unsignedVarint(UInt64(consumer.name.utf8.count))
        writer.append(consumer.name)
        writer.append(record)
        do {
            try appendControl(.consumer, of: consumer.log.id, writer.bytes.span.bytes)
            return true
        } catch {
            consumer.machine.recordWasLost()
            log.error("consumer \(consumer.name) of log \(consumer.log.id.value): \(error)")
            return false
        }
    }

    /// Whether a frame of about `byteCount` bytes can be appended: asked before it is built at some cost.
    private func hasRoom(for byteCount: Int) -> Bool {
        keepRoomOfOpenBatches(beside: byteCount)
        do {
            try store.wal.reserveRoom(for: byteCount + OpenBatch.overheadByteCount)
            return true
        } catch { return false }
    }

    /// The first sequence that was appended at `time` or later; the next one if there is none.
    public func sequence(from time: Timestamp, in log: PartitionLog) -> StreamSequence {
        do {
            guard let batch = try store.firstBatch(of: log.id, appendedAt: time) else {
                return StreamSequence(log.endOffset)
            }
            // In recovery, what comes later may be there already.
            return StreamSequence(min(batch.baseOffset, log.endOffset))
        } catch {
            self.log.error("log \(log.id.value) cannot be searched by time: \(error)")
            return StreamSequence(log.startOffset)
        }
    }

    /// When the message at `sequence` was appended.
    public func time(of sequence: StreamSequence, in log: PartitionLog) -> Timestamp {
        do {
            // What no batch holds yet was taken in this turn.
            return try store.batch(of: log.id, holding: Offset(sequence))?.appendTime ?? loop.now
        } catch {
            self.log.error("the time of message \(sequence.value) of log \(log.id.value): \(error)")
            return loop.now
        }
    }

    private func retire(_ consumer: StreamConsumer) {
        consumer.isDeleted = true
        if let timer = consumer.timer { loop.cancel(timer) }
        consumer.timer = nil
    }
}
