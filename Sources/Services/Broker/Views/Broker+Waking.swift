import Catalog
import DequeModule
import JetStream
import JetStreamAPI
import Logging
import Model
import Storage
import Transport

/// JetStream's views of logs that only Kafka has used are made when somebody first asks for one.
///
/// A log can be long, so it is read in slices of about a millisecond, one in a turn. Whoever needs the view waits for it; all others
/// have their turns.
extension Broker {
    /// The views that are being made.
    struct ViewWakes {
        /// They take turns, so that a short log does not wait for a long one.
        var queue: Deque<ViewWake> = []
        var isPosted = false
        /// What was spent in which turn.
        var turn: UInt64 = 0
        var spent = 0

        /// What all slices of a turn may spend, see ``ViewWake``: a millisecond or two.
        static let unitsPerTurn = 2048
    }

    private enum WakeOutcome {
        case under
        case done
        case failed(JetStreamError)
    }

    /// Begins to make the JetStream view of a log, where it has none. A short log has it at once.
    ///
    /// - Returns: whether it is there. Where it is not, ``whenAwake(_:_:)`` says when.
    /// - Throws: `storeFailed` where the log cannot be read, `streamNotFound` where it is gone.
    public func wake(_ log: PartitionLog) throws(JetStreamError) -> Bool {
        if log.view != nil { return true }
        if let failure = log.wakeFailure { throw failure }
        if log.wake != nil { return false }
        guard !log.isDeleted, let wake = makeWake(of: log) else { throw .streamNotFound }
        log.wake = wake
        if wakes.turn != loop.turn { (wakes.turn, wakes.spent) = (loop.turn, 0) }
        switch wakes.spent < ViewWakes.unitsPerTurn ? advance(wake) : .under {
        case .under:
            wakes.queue.append(wake)
            postWaking()
            return false
        case .done:
            log.wake = nil
            return true
        case .failed(let error):
            log.wake = nil
            throw error
        }
    }

    /// Calls `action` when the view of `log` is there, or when it is clear that it will not be: ``wake(_:)`` says which, within
    /// `action`. At once where none is being made.
    public func whenAwake(_ log: PartitionLog, _ action: @escaping () -> Void) {
        if let wake = log.wake { wake.waiting.append(action) } else { action() }
    }

    private func makeWake(of log: PartitionLog) -> ViewWake? {
        guard let place = catalog.place(of: log.id), let stream = catalog[place.stream] else { return nil }
        let config = streamConfig(of: stream, partition: log.partition)
        return ViewWake(log, StreamMachine(config: config, created: stream.created))
    }

    // MARK: In turns

    private func postWaking() {
        guard !wakes.isPosted, !wakes.queue.isEmpty else { return }
        wakes.isPosted = true
        loop.post { [weak self] in self?.continueWaking() }
    }

    private func continueWaking() {
        wakes.isPosted = false
        if wakes.turn != loop.turn { (wakes.turn, wakes.spent) = (loop.turn, 0) }
        while wakes.spent < ViewWakes.unitsPerTurn, let wake = wakes.queue.popFirst() {
            switch advance(wake) {
            case .under: wakes.queue.append(wake)
            case .done: end(wake, nil)
            case .failed(let error): end(wake, error)
            }
        }
        postWaking()
    }

    private func advance(_ wake: ViewWake) -> WakeOutcome {
        let log = wake.log
        if log.isDeleted { return .failed(.streamNotFound) }
        do {
            // What was published meanwhile is read as all else is.
            sealOpenBatch(of: log)
            let isDone = try wake.advance(
                store, &reader, unitLimit: ViewWakes.unitsPerTurn, spent: &wakes.spent
            ) { control in
                // A consumer that comes behind it must find the same in recovery.
                try appendControl(.control, of: log.id, control.encoded.span.bytes)
                log.hasHoles = true
            }
            guard isDone else { return .under }
        } catch {
            self.log.error("JetStream's view of \(name(of: log)) cannot be made: \(error)")
            return .failed(.storeFailed("\(error)"))
        }
        adopt(wake)
        return .done
    }

    private func end(_ wake: ViewWake, _ failure: JetStreamError?) {
        let log = wake.log
        log.wake = nil
        log.wakeFailure = failure
        let waiting = wake.waiting
        wake.waiting = []
        for action in waiting { action() }
        // Whoever asks next tries again.
        log.wakeFailure = nil
    }

    private func adopt(_ wake: ViewWake) {
        let log = wake.log
        // Moved, as a second owner would make the first change copy all of it.
        swap(&log.view, &wake.machine)
        configureIfChanged(log)
        moveStart(of: log)
        log.lastChange = changePosition
    }

    /// The topic may have got more partitions meanwhile, and the stream another name.
    private func configureIfChanged(_ log: PartitionLog) {
        guard let place = catalog.place(of: log.id), let stream = catalog[place.stream] else { return }
        let config = streamConfig(of: stream, partition: log.partition)
        if log.view?.config != config { log.view?.apply(config) }
    }

    // MARK: In recovery

    /// Makes the view of a log at once, where it has none: nobody waits yet.
    ///
    /// - Throws: where the log cannot be read.
    func wakeInRecovery(_ log: PartitionLog) throws {
        guard log.view == nil else { return }
        do { try readView(of: log) } catch {
            log.view = nil
            throw error
        }
    }

    /// Makes the view anew, of all batches from the start of the log to its end as it is now.
    ///
    /// - Throws: where something cannot be read; the view ends before it then.
    func readView(of log: PartitionLog) throws {
        guard let wake = makeWake(of: log) else { return }
        var spent = 0
        defer {
            log.view = nil
            adopt(wake)
            log.view?.skip(to: StreamSequence(log.endOffset))
        }
        while try !wake.advance(store, &reader, unitLimit: .max, spent: &spent, writing: { _ in }) {}
    }
}
