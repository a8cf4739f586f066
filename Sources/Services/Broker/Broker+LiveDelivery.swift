import Bytes
import Logging
import Model
import Records
import Storage

extension Broker {
    /// Gives the records of a batch that Kafka produced to the core NATS subscribers of their subjects.
    func deliverLive(_ log: PartitionLog, from base: Offset) {
        guard let nats = routing(of: log), !log.isDeleted else { return }
        var rendering = NATSMessageBuffer()
        do {
            guard let batch = try store.batch(of: log.id, holding: base) else { return }
            let bytes = try store.read(batch)
            try reader.forEachRecord(of: bytes.span.bytes) { _, record in
                rendering.render(record, prefix: log.keyPrefix)
                if rendering.headers.byteCount > 0 {
                    nats.publish(
                        subject: rendering.subject, reply: nil, headers: rendering.headers,
                        payload: record.natsPayload)
                } else {
                    nats.publish(
                        subject: rendering.subject, reply: nil, headers: nil,
                        payload: record.natsPayload)
                }
            }
        } catch {
            self.log.error(
                "records of log \(log.id.value) at offset \(base.value) cannot be read: \(error)")
        }
    }
}
