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
            removeDue(from: log)
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
