import Bytes
import JetStreamAPI
import Model

extension ConsumerMachine {
    /// Applies what ``takeRecord()`` gave, in recovery.
    ///
    /// - Throws: `MalformedBytes` for events that no consumer has written; what came before has been applied then.
    ///   `SnapshotFault` and `MalformedBytes` for a whole state that is none; nothing has changed then.
    public mutating func apply(record: RawSpan) throws {
        pendingCount.invalidate()
        if record.byteCount > 0, record[0] == ConsumerEventWriter.stateTag {
            return try restore(record.extracting(1...))
        }
        var replayed: [(ConsumerEvent, Timestamp)] = []
        do {
            try ConsumerEventReader.read(record) { replayed.append(($0, $1)) }
        } catch {
            for (event, time) in replayed { apply(event, now: time) }
            effects.removeAll()
            throw error
        }
        for (event, time) in replayed { apply(event, now: time) }
        effects.removeAll()
    }

    /// All was replayed: what was delivered before goes on waiting from now.
    public mutating func recovered(now: Timestamp) {
        lastActivity = now
        pendingCount.invalidate()
    }

    /// Writes down what happens and lets it happen.
    mutating func record(_ event: ConsumerEvent, now: Timestamp) {
        events.append(event, now: now)
        apply(event, now: now)
    }

    private mutating func apply(_ event: ConsumerEvent, now: Timestamp) {
        switch event {
        case .delivered(let sequence): applyDelivered(sequence, now: now)
        case .acknowledged(let sequence), .terminated(let sequence):
            let isLate = pending[sequence] == nil
            settle(sequence)
            if !isLate { advanceFloor(now: now) }
        case .acknowledgedThrough(let sequence):
            guard let consumerSequence = pending[sequence]?.consumerSequence else { return }
            while let first = pendingOrder.first, first <= sequence {
                pendingOrder.removeFirst()
                if pending[first] != nil { settle(first) }
            }
            ackFloor = SequencePair(consumer: consumerSequence, stream: sequence, lastActive: now)
        case .refused(let sequence, let until):
            guard pending[sequence] != nil else { return }
            setDeadline(until, of: sequence)
        case .progressed(let sequence):
            guard let delivery = pending[sequence] else { return }
            setDeadline(
                now.advanced(byNanoseconds: config.ackWait(afterDelivery: Int(delivery.deliveries))).nanoseconds,
                of: sequence)
        case .gaveUp(let sequence), .forgotten(let sequence):
            forget(sequence)
        case .reset(let sequence):
            cursor = sequence
            searchedTo = 0
            snapshot.removeAll()
            forgetPending()
            pendingCount.invalidate()
            delivered = SequencePair(consumer: 0, stream: sequence - 1)
            ackFloor = delivered
        }
    }

    private mutating func applyDelivered(_ sequence: UInt64, now: Timestamp) {
        delivered.consumer += 1
        delivered.lastActive = now
        if var known = pending[sequence] {
            if known.deliveries == 1 { redeliveredCount += 1 }
            known.deliveries += 1
            known.isQueued = false
            pending[sequence] = known
            setDeadline(
                now.advanced(byNanoseconds: config.ackWait(afterDelivery: Int(known.deliveries))).nanoseconds, of: sequence
            )
            return
        }
        let isFresh = sequence >= cursor
        pendingCount.delivered(sequence, isFresh: isFresh)
        if isFresh {
            cursor = sequence + 1
        } else {
            while let first = snapshot.first, first <= sequence { snapshot.removeFirst() }
        }
        delivered.stream = max(delivered.stream, sequence)
        if config.ackPolicy == .none {
            ackFloor.consumer = delivered.consumer
            ackFloor.stream = delivered.stream
            settled.append(sequence)
            return
        }
        pending[sequence] = PendingDelivery(
            consumerSequence: delivered.consumer, deliveries: 1, deadline: .max, isQueued: false)
        pendingOrder.append(sequence)
        setDeadline(now.advanced(byNanoseconds: config.ackWait(afterDelivery: 1)).nanoseconds, of: sequence)
    }

    private mutating func settle(_ sequence: UInt64) {
        forget(sequence)
        settled.append(sequence)
    }

    private mutating func forget(_ sequence: UInt64) {
        guard let delivery = pending.removeValue(forKey: sequence) else { return }
        if delivery.deliveries > 1 { redeliveredCount -= 1 }
        compact()
    }

    /// Nothing is pending any more.
    mutating func forgetPending() {
        pending.removeAll()
        pendingOrder.removeAll()
        redeliveries.removeAll()
        redeliveredCount = 0
    }

    /// The floor is right below the first message that is still pending.
    private mutating func advanceFloor(now: Timestamp) {
        while let first = pendingOrder.first, pending[first] == nil { pendingOrder.removeFirst() }
        if let first = pendingOrder.first, let delivery = pending[first] {
            ackFloor = SequencePair(
                consumer: delivery.consumerSequence - 1, stream: first - 1, lastActive: now)
        } else {
            ackFloor = SequencePair(
                consumer: delivered.consumer, stream: delivered.stream, lastActive: now)
        }
    }

    mutating func setDeadline(_ deadline: Int64, of sequence: UInt64) {
        pending[sequence]?.deadline = deadline
        deadlines.insert(deadline: deadline, sequence: sequence)
    }

    /// Keeps the lists of what once was pending about as short as what is.
    private mutating func compact() {
        if pendingOrder.count > pending.count * 2 + 1024 {
            pendingOrder.removeAll { pending[$0] == nil }
        }
        deadlines.compact(liveCount: pending.count) {
            pending[$0.sequence]?.deadline == $0.deadline
        }
    }
}
