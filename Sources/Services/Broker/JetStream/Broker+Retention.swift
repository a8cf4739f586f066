import Bytes
import JetStream
import JetStreamAPI
import Logging
import Model
import Storage
import Transport

extension Broker {
    /// Everything that waits for the clock begins to wait. Once, when the loop runs.
    func startStreams() {
        for log in logs.values {
            for consumer in log.consumers.values {
                consumer.machine.recovered(now: loop.now)
                wake(consumer)
            }
            armExpiry(of: log)
        }
    }

    // MARK: Streams that keep messages only as long as somebody wants them

    /// A stream with interest retention took a message: without a consumer that wants it, it goes again.
    func keepIfWanted(_ sequence: StreamSequence, _ subject: RawSpan, in log: PartitionLog) {
        for consumer in log.consumers.values where consumer.machine.wants(subject) { return }
        unwanted[log.id, default: []].append(sequence.value)
    }

    func removeUnwanted() {
        guard !unwanted.isEmpty else { return }
        let all = unwanted
        unwanted = [:]
        for (id, sequences) in all {
            if let log = logs[id] { removeNow(sequences, from: log) }
        }
    }

    /// A consumer is done with messages of a stream that removes what is acked. Those for which there is no room are tried
    /// again.
    func removeSettled(of consumer: StreamConsumer) {
        let log = consumer.log
        let settled = consumer.unremoved
        consumer.unremoved = []
        let isRemoved =
            switch log.view?.config.retention {
            case .workqueue?: removeNow(settled, from: log)
            case .interest?: removeNow(settled.filter { isSettledByAll($0, in: log) }, from: log)
            case .limits?, nil: true
            }
        if !isRemoved { consumer.unremoved = settled }
    }

    /// A consumer is gone: what only it wanted goes too.
    func removeUninteresting(from log: PartitionLog) {
        guard let view = log.view, view.config.retention == .interest else { return }
        var gone: [UInt64] = []
        var next = view.next(from: view.firstSequence)
        while let sequence = next {
            if isSettledByAll(sequence.value, in: log) { gone.append(sequence.value) }
            next = view.next(from: sequence.next)
        }
        removeNow(gone, from: log)
    }

    private func isSettledByAll(_ sequence: UInt64, in log: PartitionLog) -> Bool {
        guard let view = log.view else { return false }
        for consumer in log.consumers.values
        where !consumer.machine.isSettled(StreamSequence(sequence), in: view) {
            return false
        }
        return true
    }

    @discardableResult
    private func removeNow(_ sequences: [UInt64], from log: PartitionLog) -> Bool {
        do {
            try removeEach(of: sequences.sorted(), from: log)
            return true
        } catch {
            self.log.error("acked messages of log \(log.id.value) stay: \(error)")
            return false
        }
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

    // MARK: Streams that keep messages for a time

    private static let shortestExpiryPause: Int64 = 20_000_000

    /// Sets a timer for the message that is too old next, by the stream's largest age or by its own.
    func armExpiry(of log: PartitionLog) {
        guard let due = nextExpiry(of: log) else { return }
        if let current = expiryTimers[log.id] {
            if current.due <= due { return }
            loop.cancel(current.timer)
        }
        let pause = max(Self.shortestExpiryPause, due.nanoseconds - loop.now.nanoseconds)
        let timer = loop.schedule(afterNanoseconds: pause) { [unowned self] in
            expiryTimers[log.id] = nil
            guard !log.isDeleted else { return }
            expire(log)
            armExpiry(of: log)
        }
        expiryTimers[log.id] = (timer, due)
    }

    private func nextExpiry(of log: PartitionLog) -> Timestamp? {
        guard let config = log.view?.config, config.maxAge > 0 || config.allowMessageTTL else {
            return nil
        }
        var due = log.view?.nextEnding()
        if config.maxAge > 0, let oldest = log.view?.oldestAging {
            let aged = time(of: oldest, in: log).advanced(byNanoseconds: config.maxAge)
            due = due.map { min($0, aged) } ?? aged
        }
        return due
    }

    private func expire(_ log: PartitionLog) {
        if let maxAge = log.view?.config.maxAge, maxAge > 0 {
            let oldest = retentionTime.advanced(byNanoseconds: 1 - maxAge)
            if let control = log.view?.decideExpiry(below: sequence(from: oldest, in: log)) {
                removeExpired(control, from: log)
            }
        }
        if let control = log.view?.takeEnded(now: retentionTime), !removeExpired(control, from: log) {
            log.view?.putBack(control, until: loop.now.advanced(byNanoseconds: 1_000_000_000))
        }
    }

    @discardableResult
    private func removeExpired(_ control: StreamControl, from log: PartitionLog) -> Bool {
        do {
            try remove(control, from: log)
            return true
        } catch {
            self.log.error("old messages of log \(log.id.value) stay: \(error)")
            return false
        }
    }
}
