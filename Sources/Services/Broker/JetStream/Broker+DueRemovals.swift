import JetStream
import JetStreamAPI
import Logging
import Model
import Storage
import Transport

/// Streams that keep messages only as long as somebody wants them: work queues, and those with interest retention.
///
///     consumer done ──► its frame ──► due ──► removal's frame ──► gone
///                                      ▲
///         replay of its frame, snapshot ┘
extension Broker {
    /// How long removals wait on a full disk before they ask for room again.
    private static let fullDiskPause: Int64 = 1_000_000_000

    /// A stream with interest retention took a message: without a consumer that wants it, it goes again. Live and in recovery.
    func keepIfWanted(_ sequence: StreamSequence, _ subject: RawSpan, in log: PartitionLog) {
        for consumer in log.consumers.values where consumer.machine.wants(subject) { return }
        log.due.sequences.append(sequence.value)
        if replayPosition == nil { dueRemovals[log.id] = log }
    }

    /// A consumer wants less than before. Live and in recovery.
    func loseInterest(_ log: PartitionLog) {
        if log.view?.config.retention == .interest { log.due.isInterestLost = true }
    }

    /// A stream that kept its messages by limits keeps them by interest from now on: what was acked before goes. What nobody ever wanted
    /// stays, as in nats-server. Live and in recovery.
    func beginInterest(_ log: PartitionLog) {
        guard let view = log.view, !log.consumers.isEmpty else { return }
        var next = view.next(from: view.firstSequence)
        while let sequence = next {
            if log.consumers.values.contains(where: { $0.machine.hasSettled(sequence, in: view) }),
                isUninteresting(sequence.value, in: log)
            {
                log.due.sequences.append(sequence.value)
            }
            next = view.next(from: sequence.next)
        }
    }

    /// At the end of the turn.
    func removeAllDue() {
        guard !dueRemovals.isEmpty, removalRetry == nil else { return }
        let all = dueRemovals
        dueRemovals = [:]
        for log in all.values { removeDue(from: log) }
    }

    /// Removes what nobody wants any more. What there is no room for is tried again.
    func removeDue(from log: PartitionLog) {
        guard !log.due.isEmpty, !log.isDeleted else { return }
        if removalRetry != nil {
            dueRemovals[log.id] = log
            return
        }
        var due = DueRemovals()
        swap(&due, &log.due)
        do { try removeEach(of: removable(due, from: log), from: log) } catch {
            self.log.error("acked messages of log \(log.id.value) stay for now: \(error)")
            log.due = due
            dueRemovals[log.id] = log
            removalRetry = loop.schedule(afterNanoseconds: Self.fullDiskPause) { [unowned self] in removalRetry = nil }
        }
    }

    /// In rising order, each once.
    private func removable(_ due: DueRemovals, from log: PartitionLog) -> [UInt64] {
        guard let view = log.view else { return [] }
        let candidates: [UInt64]
        switch view.config.retention {
        case .limits: return []
        case .workqueue: candidates = due.sequences.filter { view.contains(StreamSequence($0)) }
        case .interest where due.isInterestLost: return uninteresting(in: log)
        case .interest: candidates = due.sequences.filter { isUninteresting($0, in: log) }
        }
        var result = candidates.sorted()
        var last: UInt64 = 0
        result.removeAll { sequence in
            defer { last = sequence }
            return sequence == last
        }
        return result
    }

    /// All that no consumer wants.
    private func uninteresting(in log: PartitionLog) -> [UInt64] {
        guard let view = log.view else { return [] }
        var gone: [UInt64] = []
        var next = view.next(from: view.firstSequence)
        while let sequence = next {
            if isUninteresting(sequence.value, in: log) { gone.append(sequence.value) }
            next = view.next(from: sequence.next)
        }
        return gone
    }

    /// Whether the message is stored and no consumer wants it.
    private func isUninteresting(_ sequence: UInt64, in log: PartitionLog) -> Bool {
        guard let view = log.view, view.contains(StreamSequence(sequence)) else { return false }
        for consumer in log.consumers.values
        where !consumer.machine.isSettled(StreamSequence(sequence), in: view) {
            return false
        }
        return true
    }

    /// Removes messages, in rising order, with as many frames as it takes: each names no more than recovery reads.
    ///
    /// - Throws: `storageFull`; some of them may be gone by then.
    func removeEach(of sequences: [UInt64], from log: PartitionLog) throws(StorageError) {
        var rest = sequences[...]
        while !rest.isEmpty {
            let some = rest.prefix(StreamControl.removedLimit)
            rest = rest.dropFirst(some.count)
            try remove(.removed(Array(some)), from: log)
        }
    }

    // MARK: In recovery

    /// What a replayed frame or a snapshot says that a consumer is done with has to go, unless a later frame says that it went.
    ///
    /// In a stream with interest retention it is asked here whether others want it, as it was when the frame was written: who is done
    /// with it later has a later frame.
    func settle(_ consumer: StreamConsumer) {
        let log = consumer.log
        let settled = consumer.machine.takeSettled()
        guard !settled.isEmpty, let view = log.view else { return }
        switch view.config.retention {
        case .limits: break
        case .workqueue: log.due.sequences += settled.filter { view.contains(StreamSequence($0)) }
        case .interest: log.due.sequences += settled.filter { isUninteresting($0, in: log) }
        }
    }

    /// Messages went: those that were due need not be remembered.
    func forgetRemoved(of log: PartitionLog) {
        guard log.due.sequences.count >= log.due.pruneCount, let view = log.view else { return }
        log.due.sequences.removeAll { !view.contains(StreamSequence($0)) }
        log.due.pruneCount = max(DueRemovals.leastPruneCount, 2 * log.due.sequences.count)
    }
}
