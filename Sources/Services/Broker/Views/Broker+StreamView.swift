import Bytes
import Catalog
import JSON
import JetStream
import JetStreamAPI
import Model
import Records
import Storage
import Transport

extension Broker {
    // MARK: Making it

    /// An empty view with the configuration that the catalog has.
    func makeView(of log: PartitionLog, _ stream: StreamEntry) {
        let config = streamConfig(of: stream, partition: log.partition)
        log.view = StreamMachine(config: config, created: stream.created)
        if config.firstSequence > 1, log.endOffset.value == 0 {
            let first = Offset(StreamSequence(config.firstSequence))
            log.startOffset = first
            log.endOffset = first
            log.readableEnd = first
        }
    }

    /// What JetStream is told of a stream's configuration.
    public func streamConfig(of stream: StreamEntry, partition: Int) -> StreamConfig {
        if stream.isConfiguredByJetStream,
            let request = try? StreamConfigRequest(stream.streamConfig)
        {
            return request.config
        }
        var config = StreamConfig(
            name: stream.streamName(ofPartition: partition), subjects: stream.subjects)
        config.allowDirect = true
        return config
    }

    func configureViews(of id: StreamID) {
        guard let stream = catalog[id] else { return }
        for (partition, logID) in stream.logs.enumerated() {
            guard let log = logs[logID], log.view != nil else { continue }
            let retention = log.view?.config.retention
            log.view?.apply(streamConfig(of: stream, partition: partition))
            if retention == .limits, log.view?.config.retention == .interest { beginInterest(log) }
            log.lastChange = changePosition
            moveStart(of: log)
        }
    }

    // MARK: Changing it

    /// Tells the view, if there is one, of a stored batch. Live and in recovery.
    func applyToView(of log: PartitionLog, _ batch: RawSpan, appendTime: Timestamp) throws {
        guard log.view != nil else { return }
        let header = try RecordBatchHeader(batch)
        try applyToView(of: log, batch, header, at: header.baseOffset, appendTime: appendTime)
    }

    /// Tells the view of a batch as the producer sent it, which was stored at `base`.
    func showInView(
        of log: PartitionLog, _ batch: RawSpan, at base: Offset, appendTime: Timestamp
    ) throws {
        try applyToView(
            of: log, batch, try RecordBatchHeader(batch), at: base, appendTime: appendTime)
    }

    private func applyToView(
        of log: PartitionLog, _ batch: RawSpan, _ header: RecordBatchHeader, at base: Offset,
        appendTime: Timestamp
    ) throws {
        var rendering = NATSMessageBuffer()
        let isKeptForInterest = log.view?.config.retention == .interest
        let end = base.advanced(by: Int(header.lastOffsetDelta) + 1)
        try reader.forEachRecord(of: batch) { _, record in
            log.view?.take(
                record, at: base.advanced(by: Int(record.offsetDelta)), appendTime: appendTime, prefix: log.keyPrefix,
                &rendering)
            if isKeptForInterest {
                keepIfWanted(StreamSequence(base.advanced(by: Int(record.offsetDelta))), rendering.subject, in: log)
            }
        }
        log.view?.skip(to: StreamSequence(end))
        moveStart(of: log)
    }

    /// Appends and applies what takes messages away. It is durable when ``whenDurable(_:_:)`` says so.
    ///
    /// - Parameter isAsked: somebody asked for it and gets an answer; else it follows from the stream's limits or from
    ///   acks, and is kept as surely as its messages are.
    /// - Returns: how many messages it took away, where the log has a JetStream view.
    @discardableResult
    public func remove(
        _ control: StreamControl, from log: PartitionLog, isAsked: Bool = false
    ) throws(StorageError) -> UInt64 {
        // What it names may be in the open batch, and must lie before it.
        sealOpenBatch(of: log)
        try appendControl(.control, of: log.id, control.encoded.span.bytes, isSynced: isAsked)
        return apply(control, to: log)
    }

    func replayControl(_ payload: RawSpan, of log: PartitionLog) throws {
        var reader = ByteReader(payload)
        let control = try StreamControl(decoding: &reader)
        if case .purged(_, "") = control {} else { try wakeInRecovery(log) }
        apply(control, to: log)
        forgetRemoved(of: log)
    }

    @discardableResult
    private func apply(_ control: StreamControl, to log: PartitionLog) -> UInt64 {
        var removed: UInt64 = 0
        if log.view != nil { removed = log.view?.apply(control) ?? 0 }
        if case .purged(let below, "") = control, below > 0 {
            let start = Offset(StreamSequence(min(below, UInt64(log.endOffset.value) + 1)))
            setStart(of: log, start)
        } else {
            log.hasHoles = true
        }
        moveStart(of: log)
        return removed
    }

    /// The log begins where JetStream's first message is.
    func moveStart(of log: PartitionLog) {
        guard let first = log.view?.firstSequence, let count = log.view?.messageCount, first > .none
        else { return }
        setStart(of: log, Offset(first))
        log.hasHoles = count < UInt64(max(log.endOffset.value - log.startOffset.value, 0))
    }

    private func setStart(of log: PartitionLog, _ start: Offset) {
        guard start > log.startOffset else { return }
        log.startOffset = start
        if replayPosition == nil { shortened[log.id] = log }
    }

    /// At the end of a turn: what lies before the starts of logs goes, once it is certain that they have moved.
    func giveBackSpace() {
        guard !shortened.isEmpty else { return }
        let starts = shortened.values.map { ($0.id, $0.startOffset) }
        shortened.removeAll(keepingCapacity: true)
        whenDurable { [store] in
            for (log, start) in starts { store.deleteBelow(start, of: log) }
        }
    }

    /// Kafka's DeleteRecords: everything before `offset` is gone.
    public func deleteRecords(
        before offset: Offset, from log: PartitionLog
    ) throws(StorageError) {
        guard offset > log.startOffset else { return }
        try remove(.purged(below: StreamSequence(offset).value, filter: ""), from: log, isAsked: true)
    }
}
