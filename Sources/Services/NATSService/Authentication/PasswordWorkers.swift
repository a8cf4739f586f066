import Accounts
import DequeModule
import Platform

/// Computes bcrypt hashes on threads of its own, so that no event loop waits for one.
///
/// The threads are started with the first hash. So many may wait that a restart of all clients is
/// no trouble; a flood beyond that is turned away.
final class PasswordWorkers: @unchecked Sendable {
    static let waitingLimit = 1024

    private let monitor = Monitor()
    private let threadCount: Int
    // Behind the monitor.
    private var waiting = Deque<Job>()
    private var threads: [Thread] = []
    private var isStopping = false

    private struct Job {
        let work: PasswordWork
        let isWanted: @Sendable () -> Bool
        let finish: @Sendable (Authentication) -> Void
    }

    init(threadCount: Int) { self.threadCount = max(1, threadCount) }

    /// Any thread.
    ///
    /// - Parameters:
    ///   - isWanted: asked before the work begins, on the worker: whoever has gone costs nothing.
    ///   - finish: called on the worker, unless the work was not wanted.
    /// - Returns: false where too many wait.
    func submit(
        _ work: PasswordWork, isWanted: @escaping @Sendable () -> Bool,
        finish: @escaping @Sendable (Authentication) -> Void
    ) -> Bool {
        monitor.withLock {
            guard !isStopping, waiting.count < Self.waitingLimit else { return false }
            waiting.append(Job(work: work, isWanted: isWanted, finish: finish))
            if threads.isEmpty {
                threads = (0..<threadCount).map { number in
                    Thread(name: "password-\(number)") { [self] in run() }
                }
            }
            monitor.wakeAll()
            return true
        }
    }

    /// Nothing is computed any more but what is under way. Waits for that.
    func stop() {
        let threads = monitor.withLock {
            isStopping = true
            waiting.removeAll()
            monitor.wakeAll()
            return self.threads
        }
        for thread in threads { thread.join() }
    }

    private func run() {
        while let job = next() {
            if job.isWanted() { job.finish(job.work.verify()) }
        }
    }

    private func next() -> Job? {
        monitor.withLock {
            while waiting.isEmpty, !isStopping { monitor.wait() }
            return isStopping ? nil : waiting.removeFirst()
        }
    }
}
