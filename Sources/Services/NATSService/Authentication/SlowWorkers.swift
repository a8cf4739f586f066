import DequeModule
import Platform

/// Does what takes long before somebody is let in on threads of its own, so that no event loop
/// waits for it: bcrypt hashes, and reading the JWTs of accounts.
///
/// The threads are started with the first job. So many may wait that a restart of all clients is no
/// trouble; a flood beyond that is turned away.
final class SlowWorkers: @unchecked Sendable {
    static let waitingLimit = 1024

    private let monitor = Monitor()
    private let threadCount: Int
    // Behind the monitor.
    private var waiting = Deque<Job>()
    private var threads: [Thread] = []
    private var isStopping = false

    private struct Job {
        let isWanted: @Sendable () -> Bool
        let work: @Sendable () -> Void
    }

    init(threadCount: Int) { self.threadCount = max(1, threadCount) }

    /// Any thread.
    ///
    /// - Parameters:
    ///   - isWanted: asked before the work begins, on the worker: whoever has gone costs nothing.
    ///   - work: runs on a worker, unless it is not wanted any more.
    /// - Returns: false where too many wait.
    func submit(
        isWanted: @escaping @Sendable () -> Bool, work: @escaping @Sendable () -> Void
    ) -> Bool {
        monitor.withLock {
            guard !isStopping, waiting.count < Self.waitingLimit else { return false }
            waiting.append(Job(isWanted: isWanted, work: work))
            if threads.isEmpty {
                threads = (0..<threadCount).map { number in
                    Thread(name: "login-\(number)") { [self] in run() }
                }
            }
            monitor.wakeAll()
            return true
        }
    }

    /// Nothing is done any more but what is under way. Waits for that.
    func stop() {
        let threads = monitor.withLock {
            isStopping = true
            waiting.removeAll()
            monitor.wakeAll()
            defer { self.threads = [] }
            return self.threads
        }
        for thread in threads { thread.join() }
    }

    private func run() {
        while let job = next() {
            if job.isWanted() { job.work() }
        }
    }

    private func next() -> Job? {
        monitor.withLock {
            while waiting.isEmpty, !isStopping { monitor.wait() }
            return isStopping ? nil : waiting.removeFirst()
        }
    }
}
