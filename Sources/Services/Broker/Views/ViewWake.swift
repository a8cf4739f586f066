import Bytes
import JetStream
import Model
import Records
import Storage

/// A JetStream view that is being made of the batches of a log, a slice in each turn, so that nobody else waits for it.
///
///     read ──► take away what compaction was writing anew ──► take away what lies before the start ──► done
///
/// A log without a view changes by batches and moved starts alone. Batches that come meanwhile are reached by the reading. Where
/// the start moves, what was read of that goes at the end. A pass of compaction waits for the view; what it had begun with
/// before is in ``removed``.
final class ViewWake {
    let log: PartitionLog
    /// What is known so far; nil when it has been handed over.
    var machine: StreamMachine?
    /// Told when the view is there, when it cannot be made, or when the log is gone.
    var waiting: [() -> Void] = []

    /// The first offset that is not in the machine.
    private var next: Offset
    /// Where the log ended when the last slice began.
    private var seenEnd: Offset
    private var batch: OpenedBatch?
    /// Records that compaction takes away from a segment, of which the reading may have seen the old one.
    private var removed: ArraySlice<ClosedRange<Int64>>
    private var rendering = NATSMessageBuffer()

    /// The batch that is being read.
    private struct OpenedBatch {
        /// The records begin at `position`.
        var bytes: [UInt8]
        var position: Int
        var recordCount: Int
        var base: Offset
        var end: Offset
        var appendTime: Timestamp
    }

    // What a slice costs is counted in units of about half a microsecond: a record is one.
    private static let batchUnits = 8
    private static let bytesPerUnit = 256
    private static let gapsPerUnit = 64
    private static let sequencesPerStep: UInt64 = 4096

    init(_ log: PartitionLog, _ machine: StreamMachine) {
        self.log = log
        self.machine = machine
        next = log.startOffset
        seenEnd = log.endOffset
        removed = log.beingCompacted[...]
    }

    /// Goes on until so many units are spent, or until the machine knows all of the log as it is now.
    ///
    /// More than the limit is spent only where more is appended than that: a slice reads at least twice what came since the last
    /// one, so that the end is reached however fast others write.
    /// - Parameters:
    ///   - spent: counts on.
    ///   - write: writes down what goes from the machine because of compaction.
    /// - Returns: whether it is done.
    /// - Throws: where the log cannot be read or written.
    func advance(
        _ store: LogStore, _ reader: inout StoredBatchReader, unitLimit: Int, spent: inout Int,
        writing write: (StreamControl) throws -> Void
    ) throws -> Bool {
        let least = next.advanced(by: 2 * seenEnd.distance(to: log.endOffset))
        seenEnd = log.endOffset
        while spent < unitLimit || next < least {
            if batch != nil {
                try readRecords(limit: max(unitLimit - spent, next.distance(to: least)), &spent)
            } else if next < log.endOffset {
                try openNext(store, &reader, &spent)
            } else if !skip(to: log.endOffset, &spent) {
                continue
            } else if !removed.isEmpty {
                try removeSome(&spent, write)
            } else if !purgeSome(&spent) {
                return true
            }
        }
        return false
    }

    // MARK: Reading

    private func openNext(
        _ store: LogStore, _ reader: inout StoredBatchReader, _ spent: inout Int
    ) throws {
        spent += Self.batchUnits
        // In recovery, what comes later may be there already.
        guard let found = try store.batch(of: log.id, holding: max(next, log.startOffset)), found.baseOffset < log.endOffset
        else {
            next = log.endOffset
            return
        }
        guard skip(to: found.baseOffset, &spent) else { return }
        let bytes = try store.read(found)
        spent += bytes.count / Self.bytesPerUnit
        let header = try RecordBatchHeader(bytes.span.bytes)
        let end = header.baseOffset.advanced(by: Int(header.lastOffsetDelta) + 1)
        if header.attributes.contains(.control) {
            next = end
            return
        }
        let isPlain = header.compression == Compression.none
        batch = OpenedBatch(
            bytes: isPlain ? bytes : try reader.records(of: bytes.span.bytes),
            position: isPlain ? RecordBatchHeader.byteCount : 0, recordCount: Int(header.recordCount),
            base: header.baseOffset, end: end, appendTime: found.appendTime)
    }

    private func readRecords(limit: Int, _ spent: inout Int) throws {
        guard var open = batch else { return }
        batch = nil
        let bytes = open.bytes
        var records = RecordCursor(bytes.span.bytes.from(open.position), count: open.recordCount)
        for _ in 0..<max(1, limit) {
            guard let record = try records.next() else {
                next = open.end
                return
            }
            let offset = open.base.advanced(by: Int(record.offsetDelta))
            machine?.take(record, at: offset, appendTime: open.appendTime, prefix: log.keyPrefix, &rendering)
            next = offset.advanced(by: 1)
            spent += 1
        }
        open.position += records.position
        open.recordCount = records.recordsLeft
        batch = open
    }

    /// Uses up sequences that have no record.
    ///
    /// - Returns: whether those before `offset` are all used up.
    private func skip(to offset: Offset, _ spent: inout Int) -> Bool {
        guard let last = machine?.lastSequence.value else { return true }
        let wanted = StreamSequence(offset).value
        guard last + 1 < wanted else { return true }
        let limit = last + 1 + Self.sequencesPerStep * UInt64(Self.gapsPerUnit)
        // Without a message there is nothing to count.
        let end = machine?.messageCount == 0 ? wanted : min(wanted, limit)
        machine?.skip(to: StreamSequence(end))
        spent += Int(clamping: min(end, limit) - last) / Self.gapsPerUnit
        return end == wanted
    }

    // MARK: Taking away

    private func removeSome(_ spent: inout Int, _ write: (StreamControl) throws -> Void) throws {
        var sequences: [UInt64] = []
        var room = Int64(Self.sequencesPerStep)
        while room > 0, let run = removed.popFirst() {
            let end = min(run.upperBound, run.lowerBound + room - 1)
            for offset in run.lowerBound...end {
                let sequence = StreamSequence(Offset(offset))
                if machine?.contains(sequence) == true { sequences.append(sequence.value) }
            }
            room -= end - run.lowerBound + 1
            if end < run.upperBound { removed = [end + 1...run.upperBound] + removed }
        }
        spent += Int(Int64(Self.sequencesPerStep) - room)
        guard !sequences.isEmpty else { return }
        let control = StreamControl.removed(sequences)
        try write(control)
        machine?.apply(control)
    }

    /// - Returns: false where there is nothing before the start of the log.
    private func purgeSome(_ spent: inout Int) -> Bool {
        let start = StreamSequence(log.startOffset).value
        guard let first = machine?.firstSequence.value, let last = machine?.lastSequence.value, machine?.messageCount != 0,
            first < start
        else { return false }
        // All at once costs nothing.
        let below = start > last ? start : min(start, first + Self.sequencesPerStep)
        machine?.apply(.purged(below: below, filter: ""))
        spent += Int(min(below - first, Self.sequencesPerStep))
        return true
    }
}

extension StreamMachine {
    /// Takes in a record that is stored at `offset`, behind all that it knows.
    ///
    /// - Parameter rendering: memory for the subject and the headers.
    mutating func take(
        _ record: borrowing RecordView, at offset: Offset, appendTime: Timestamp, prefix: borrowing KeyPrefix,
        _ rendering: inout NATSMessageBuffer
    ) {
        // Sequences of places without a record are used up all the same.
        skip(to: StreamSequence(offset))
        rendering.render(record, prefix: prefix)
        let traits = StreamMachine.traits(in: rendering.headers)
        applyStored(
            subject: rendering.subject,
            size: StoredSize(
                subjectByteCount: rendering.subject.byteCount, headerByteCount: rendering.headers.byteCount,
                payloadByteCount: record.natsPayload.byteCount),
            messageID: traits.messageID, timeToLive: traits.timeToLive, time: appendTime)
    }
}
