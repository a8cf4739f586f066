import Bytes
import Logging
import Model
import Records
import Storage

extension Broker {
    /// Gives the records of a batch that Kafka produced to the core NATS subscribers of their subjects.
    func deliverLive(_ log: PartitionLog, place: Int) {
        guard let nats = routing(of: log), !log.isDeleted else { return }
        let entry = log.index.entries[place]
        var rendering = NATSMessageBuffer()
        do {
            let bytes = try wal.read(entry.position, byteCount: Int(entry.byteCount))
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
                "records of log \(log.id.value) at offset \(entry.baseOffset.value) cannot be read: \(error)")
        }
    }
}
