import Bytes
import Catalog
import Storage

extension Broker {
    /// What the catalog says of a consumer of a log with a JetStream view: created, changed or deleted. Live, in
    /// recovery, and when the view of a topic's log is made later; then all that happened to the log comes again in its
    /// order, so the view is what it was when the consumer was made.
    func applyToConsumers(_ record: CatalogRecord, of log: PartitionLog) {
    }

    func replayConsumerFrame(_ payload: RawSpan, _ position: WALPosition, of log: PartitionLog) throws {
        log.viewFrames.append(.consumer, at: position, byteCount: payload.byteCount)
        if log.view != nil { try applyConsumerFrame(payload, of: log) }
    }

    /// What happened to a consumer: its name and the machine's record.
    func applyConsumerFrame(_ payload: RawSpan, of log: PartitionLog) throws {
    }
}
