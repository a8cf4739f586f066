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
    /// What the catalog says of a consumer of a log with a JetStream view: created, changed or deleted. Live, in
    /// recovery, and when the view of a topic's log is made later; then all that happened to the log comes again in its
    /// order, so the view is what it was when the consumer was made.
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
            // A new deliver subject needs a new writer of it; the rest goes on.
            consumer.machine.apply(config)
            guard config.deliverSubject != String(decoding: consumer.deliverSubject, as: UTF8.self)
            else {
                return
            }
            retire(consumer)
            log.consumers[name] = StreamConsumer(log: log, name: name, machine: consumer.machine)
        case .consumerDeleted(_, let name):
            guard let consumer = log.consumers.removeValue(forKey: name) else { return }
            retire(consumer)
        default: break
        }
    }

    func replayConsumerFrame(_ payload: RawSpan, _ position: WALPosition, of log: PartitionLog)
        throws
    {
        log.viewFrames.append(.consumer, at: position, byteCount: payload.byteCount)
        if log.view != nil { try applyConsumerFrame(payload, of: log) }
    }

    /// What happened to a consumer: the length of its name as a varint, its name and the machine's record.
    func applyConsumerFrame(_ payload: RawSpan, of log: PartitionLog) throws {
        var reader = ByteReader(payload)
        let length = try reader.unsignedVarint()
        let name = try reader.string(Int(clamping: length))
        let record = try reader.bytes(reader.remaining)
        // Records of a consumer that was deleted meanwhile are still there.
        try log.consumers[name]?.machine.apply(record: record)
    }

    /// Writes down what the consumer did.
    ///
    /// - Returns: false if there is no room on the disk; then a restart delivers again what was delivered now.
    @discardableResult
    public func writeRecord(of consumer: StreamConsumer) -> Bool {
        guard let record = consumer.machine.takeRecord() else { return true }
        guard !consumer.isDeleted, !consumer.log.isDeleted else { return true }
        var writer = ByteWriter(capacity: record.count + consumer.name.utf8.count + 2)
        writer.unsignedVarint(UInt64(consumer.name.utf8.count))
        writer.append(consumer.name)
        writer.append(record)
        do {
            let position = try appendControl(
                .consumer, of: consumer.log.id, writer.bytes.span.bytes)
            consumer.log.viewFrames.append(.consumer, at: position, byteCount: writer.count)
            return true
        } catch {
            log.error("consumer \(consumer.name) of log \(consumer.log.id.value): \(error)")
            return false
        }
    }

    /// The first sequence that was appended at `time` or later; the next one if there is none.
    public func sequence(from time: Timestamp, in log: PartitionLog) -> StreamSequence {
        guard let place = log.index.firstIndex(appendedAt: time) else {
            return StreamSequence(log.endOffset)
        }
        return StreamSequence(log.index.entries[place].baseOffset)
    }

    /// When the message at `sequence` was appended.
    public func time(of sequence: StreamSequence, in log: PartitionLog) -> Timestamp {
        let offset = Offset(sequence)
        // What no batch holds yet was taken in this turn.
        guard let place = log.index.firstIndex(holding: offset) else { return loop.now }
        return log.index.entries[place].appendTime
    }

    private func retire(_ consumer: StreamConsumer) {
        consumer.isDeleted = true
        if let timer = consumer.timer { loop.cancel(timer) }
        consumer.timer = nil
    }
}
