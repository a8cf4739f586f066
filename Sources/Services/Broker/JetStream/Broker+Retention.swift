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

    /// A consumer is done with messages of a stream that removes what is acked.
    func removeSettled(_ sequences: [UInt64], from log: PartitionLog) {
        switch log.view?.config.retention {
        case .workqueue?: removeNow(sequences, from: log)
        case .interest?: removeNow(sequences.filter { isSettledByAll($0, in: log) }, from: log)
        case .limits?, nil: break
        }
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

    private func removeNow(_ sequences: [UInt64], from log: PartitionLog) {
        var rest = sequences.sorted()[...]
        while !rest.isEmpty {
            let some = rest.prefix(StreamControl.removedLimit)
            rest = rest.dropFirst(some.count)
            do { try remove(.removed(Array(some)), from: log) } catch {
                self.log.error("acked messages of log \(log.id.value) stay: \(error)")
            }
        }
    }

    // MARK: Streams that keep messages for a time

    private static let shortestExpiryPause: Int64 = 100_000_000

    /// Sets a timer for the oldest message, if the stream has a largest age and no timer yet.
    func armExpiry(of log: PartitionLog) {
        guard let maxAge = log.view?.config.maxAge, maxAge > 0, log.view?.messageCount ?? 0 > 0,
            !logsWithExpiryTimer.contains(log.id), let first = log.view?.firstSequence
        else { return }
        logsWithExpiryTimer.insert(log.id)
        let due = time(of: first, in: log).nanoseconds + maxAge - loop.now.nanoseconds
        loop.schedule(afterNanoseconds: max(Self.shortestExpiryPause, due)) { [weak self, weak log] in
            guard let self, let log else { return }
            logsWithExpiryTimer.remove(log.id)
            guard !log.isDeleted else { return }
            expire(log)
            armExpiry(of: log)
        }
    }

    private func expire(_ log: PartitionLog) {
        guard let maxAge = log.view?.config.maxAge, maxAge > 0 else { return }
        let oldest = loop.now.advanced(byNanoseconds: 1 - maxAge)
        let young = sequence(from: oldest, in: log)
        guard let control = log.view?.decideExpiry(below: young) else { return }
        do { try remove(control, from: log) } catch {
            self.log.error("old messages of log \(log.id.value) stay: \(error)")
        }
    }
}
