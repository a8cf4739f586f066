import KafkaProtocol
import Model

/// Which idempotent producers have written to one log, and what each wrote last.
///
/// A machine in front of the append: ``decide(_:)`` says what becomes of a batch and changes nothing;
/// ``apply(_:baseOffset:appendTime:)`` is called for every batch that was appended, live and in replay, so the
/// table needs no records of its own: the batch headers in the log are its records.
///
///     decide ──► append ──► (the log) ──► apply
///            ├─► duplicate of (offset, time)        answered, not written
///            └─► refused(error)                     answered, not written
///
/// Source: KIP-98, "Idempotent Producer Guarantees"; KAFKA-5494 for the window of five.
public struct ProducerTable: Sendable {
    /// How many batches of one producer are remembered. Clients keep at most so many in flight.
    public static let windowBatchCount = 5

    var producers: [ProducerID: Producer] = [:]

    public init() {}

    public var producerCount: Int { producers.count }

    /// What becomes of a batch, by what its producer wrote before.
    public func decide(_ batch: ProducerBatch) -> ProducerDecision {
        guard batch.producerID.value >= 0, batch.epoch >= 0, batch.baseSequence >= 0, batch.recordCount > 0
        else { return .refused(.invalidRecord) }
        // Nothing known: never seen, or forgotten after its expiry. Either may go on anywhere.
        guard let producer = producers[batch.producerID] else { return .append }
        if batch.epoch < producer.epoch { return .refused(.invalidProducerEpoch) }
        if batch.epoch > producer.epoch {
            return batch.baseSequence == 0 ? .append : .refused(.outOfOrderSequenceNumber)
        }
        return producer.decide(batch)
    }

    /// The batch is in the log at `baseOffset`.
    public mutating func apply(_ batch: ProducerBatch, baseOffset: Offset, appendTime: Timestamp) {
        precondition(
            batch.recordCount > 0, "an empty batch of producer \(batch.producerID) was appended")
        producers[batch.producerID, default: Producer(epoch: batch.epoch)].apply(
            batch, baseOffset: baseOffset, appendTime: appendTime)
    }

    /// Forgets producers that wrote nothing since `time`.
    public mutating func expire(olderThan time: Timestamp) {
        producers = producers.filter { $0.value.lastAppendTime >= time }
    }

    /// The producers that are known, for tools that look for stuck ones.
    public var summaries: [ProducerSummary] {
        producers.map { id, producer in
            ProducerSummary(
                producerID: id, epoch: producer.epoch, lastSequence: producer.lastSequence,
                lastAppendTime: producer.lastAppendTime)
        }.sorted { $0.producerID < $1.producerID }
    }
}

/// What a batch header says of its producer.
public struct ProducerBatch: Hashable, Sendable {
    public var producerID: ProducerID
    public var epoch: Int16
    /// The sequence number of the first record, from 0; after 2³¹ − 1 comes 0 again.
    public var baseSequence: Int32
    public var recordCount: Int32

    public init(producerID: ProducerID, epoch: Int16, baseSequence: Int32, recordCount: Int32) {
        self.producerID = producerID
        self.epoch = epoch
        self.baseSequence = baseSequence
        self.recordCount = recordCount
    }

    /// The sequence number of the last record.
    public var lastSequence: Int32 { Sequence.advance(baseSequence, by: recordCount - 1) }
}

public enum ProducerDecision: Hashable, Sendable {
    /// In order: append it.
    case append
    /// Already in the log: answer with where and when it was appended.
    case duplicate(baseOffset: Offset, appendTime: Timestamp)
    /// - `outOfOrderSequenceNumber`: a gap, or a new epoch that does not start at 0.
    /// - `duplicateSequenceNumber`: in the log, but so long ago that its offset is forgotten.
    /// - `invalidProducerEpoch`: a newer instance of the producer took over.
    /// - `invalidRecord`: a producer id without an epoch or a sequence.
    case refused(KafkaError)
}

public struct ProducerSummary: Hashable, Sendable {
    public var producerID: ProducerID
    public var epoch: Int16
    public var lastSequence: Int32
    public var lastAppendTime: Timestamp
}

/// One producer's last batches in its newest epoch.
struct Producer: Sendable {
    struct Batch: Sendable {
        var firstSequence: Int32
        var lastSequence: Int32
        var baseOffset: Offset
        var appendTime: Timestamp
    }

    var epoch: Int16
    /// Oldest first, at most ``ProducerTable/windowBatchCount``. Never empty once a batch was applied.
    private(set) var window: [Batch] = []
    /// How many records follow each other without a gap up to the newest one. What lies that close behind the
    /// newest was certainly written; what lies further back may have been refused.
    private(set) var runRecordCount: Int64 = 0

    init(epoch: Int16) { self.epoch = epoch }

    /// What a snapshot kept.
    init(epoch: Int16, runRecordCount: Int64, window: [Batch]) {
        self.epoch = epoch
        self.runRecordCount = runRecordCount
        self.window = window
    }

    var lastSequence: Int32 { window.last?.lastSequence ?? -1 }
    var lastAppendTime: Timestamp { window.last?.appendTime ?? Timestamp(nanoseconds: 0) }

    func decide(_ batch: ProducerBatch) -> ProducerDecision {
        let last = batch.lastSequence
        for known in window
        where known.firstSequence == batch.baseSequence && known.lastSequence == last {
            return .duplicate(baseOffset: known.baseOffset, appendTime: known.appendTime)
        }
        if batch.baseSequence == Sequence.advance(lastSequence, by: 1) { return .append }
        guard let oldest = window.first else { return .append }
        let behind = Sequence.distance(from: batch.baseSequence, to: lastSequence)
        let wholeWindow = Sequence.distance(from: oldest.firstSequence, to: lastSequence)
        let isOlderThanWindow = behind - Int64(batch.recordCount) >= wholeWindow
        if isOlderThanWindow, behind < runRecordCount { return .refused(.duplicateSequenceNumber) }
        return .refused(.outOfOrderSequenceNumber)
    }

    mutating func apply(_ batch: ProducerBatch, baseOffset: Offset, appendTime: Timestamp) {
        let continues = batch.epoch == epoch && !window.isEmpty
            && batch.baseSequence == Sequence.advance(lastSequence, by: 1)
        if batch.epoch != epoch { window.removeAll(keepingCapacity: true) }
        epoch = batch.epoch
        // Half of the sequence space is as far as "behind" can be told from "ahead".
        runRecordCount = min(
            (continues ? runRecordCount : 0) + Int64(batch.recordCount), Sequence.count / 2)
        if window.count == ProducerTable.windowBatchCount { window.removeFirst() }
        window.append(
            Batch(
                firstSequence: batch.baseSequence, lastSequence: batch.lastSequence,
                baseOffset: baseOffset, appendTime: appendTime))
    }
}

/// Sequence numbers run from 0 to 2³¹ − 1 and start again at 0.
private enum Sequence {
    static let count: Int64 = 1 << 31

    static func advance(_ sequence: Int32, by records: Int32) -> Int32 {
        Int32((Int64(sequence) + Int64(records)) & (count - 1))
    }

    /// How many steps forward lead from `first` to `last`.
    static func distance(from first: Int32, to last: Int32) -> Int64 {
        (Int64(last) - Int64(first)) & (count - 1)
    }
}
