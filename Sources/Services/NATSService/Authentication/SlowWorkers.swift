import DequeModule
import Platform

/// Does what takes long before somebody is let in on threads of its own, so that no event loop
/// waits for it: bcrypt hashes, and reading the JWTs of accounts.
///
/// The threads are started with the first job. Jobs wait in lanes, one for each host and name, and
/// the lanes take turns: who tries a password again and again waits for himself. So many may wait
/// that a restart of all clients is no trouble; beyond that the longest lane has to give.
final class SlowWorkers: @unchecked Sendable {
    static let waitingLimit = 1024

    private let monitor = Monitor()
    private let threadCount: Int
    // Behind the monitor.
    private var lanes: [Lane: Deque<Job>] = [:]
    /// Those where somebody waits, the one whose turn is next first.
    private var turns = Deque<Lane>()
    private var waitingCount = 0
    private var threads: [Thread] = []
    private var isStopping = false

    /// Whose jobs are done one after the other.
    struct Lane: Hashable {
        var host: String
        var name: String
    }

    struct Job {
        /// Asked before the work begins, on the worker: whoever has gone costs nothing.
        let isWanted: @Sendable () -> Bool
        /// Runs on a worker, unless it is not wanted any more.
        let work: @Sendable () -> Void
        /// It will never run, since too many wait. On the thread of whoever comes then.
        let turnedAway: @Sendable () -> Void
    }

    init(threadCount: Int) { self.threadCount = max(1, threadCount) }

    /// Any thread.
    func submit(_ job: Job, in lane: Lane) {
        let turnedAway = monitor.withLock { () -> Job? in
            if isStopping { return job }
            var victim: Job?
            if waitingCount >= Self.waitingLimit {
                victim = makeRoom(for: lane)
                guard victim != nil else { return job }
            }
            if lanes[lane] == nil { turns.append(lane) }
            lanes[lane, default: []].append(job)
            waitingCount += 1
            if threads.isEmpty {
                threads = (0..<threadCount).map { number in
                    Thread(name: "login-\(number)") { [self] in run() }
                }
            }
            monitor.wakeAll()
            return victim
        }
        turnedAway?.turnedAway()
    }

    /// The last job of the longest lane; nil where that is `lane` itself. Behind the monitor.
    private func makeRoom(for lane: Lane) -> Job? {
        guard let longest = lanes.max(by: { $0.value.count < $1.value.count }),
            longest.value.count > (lanes[lane]?.count ?? 0) + 1
        else { return nil }
        waitingCount -= 1
        // More than one is in there, so that it keeps its turn.
        return lanes[longest.key]?.removeLast()
    }

    /// Nothing is done any more but what is under way. Waits for that.
    func stop() {
        let threads = monitor.withLock {
            isStopping = true
            lanes = [:]
            turns = []
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
            while turns.isEmpty, !isStopping { monitor.wait() }
            guard !isStopping, let lane = turns.popFirst(), var jobs = lanes.removeValue(forKey: lane),
                let job = jobs.popFirst()
            else { return nil }
            waitingCount -= 1
            if !jobs.isEmpty {
                lanes[lane] = jobs
                turns.append(lane)
            }
            return job
        }
    }
}
