import DequeModule
import Platform

/// The thread for everything that is not the write-ahead log itself: snapshots, roll-up, deletion,
/// rewriting. Always the most urgent job first, one step at a time.
///
/// Without its thread, as in tests and in the simulation, whoever wants progress calls
/// ``runOneStep()``.
final class StorageWorker: @unchecked Sendable {
    private let monitor = Monitor()
    private let hasThread: Bool
    /// Only whoever runs the steps touches these two.
    private var context: BackgroundContext
    private var jobs: [Entry] = []

    // With the monitor's lock held:
    private var arrived: [any BackgroundJob] = []
    private var outcomes: [BackgroundOutcome] = []
    private var onOutcome: (@Sendable () -> Void)?
    private var problems: [BackgroundUrgency: StorageProblem] = [:]
    private var unfinishedCount = 0
    private var isStopping = false
    private var thread: Thread?

    private struct Entry {
        var job: any BackgroundJob
        var notBefore: Int64 = .min
        var attempts = 0
    }

    private static let waitNanoseconds: Int64 = 5_000_000
    private static let firstRetryNanoseconds: Int64 = 250_000_000
    private static let longestRetryNanoseconds: Int64 = 8_000_000_000

    init(_ context: BackgroundContext, hasThread: Bool) {
        self.context = context
        self.hasThread = hasThread
    }

    /// To be called before the first step. See ``LogStore/manifestRemadeAt``.
    func manifestIsRemade(at position: WALPosition) { context.manifestIsRemade(at: position) }

    func start() {
        guard hasThread else { return }
        let thread = Thread(name: "storage") {
            Thread.yieldToOthers()
            while self.runWhenWanted() {}
        }
        monitor.withLock { self.thread = thread }
    }

    /// Ends the thread behind its step. What was not finished is not, and is left as a crash would
    /// leave it, but for files that nobody will need.
    func stop() {
        let thread = monitor.withLock {
            isStopping = true
            monitor.wakeAll()
            defer { self.thread = nil }
            return self.thread
        }
        thread?.join()
        collect()
        for entry in jobs { _ = entry.job.failed(.closed, &context) }
        jobs = []
    }

    // MARK: For the loop

    func add(_ job: any BackgroundJob) {
        monitor.withLock {
            arrived.append(job)
            unfinishedCount += 1
            monitor.wakeAll()
        }
    }

    /// What was finished since the last call, in order.
    func takeOutcomes() -> [BackgroundOutcome] {
        monitor.withLock {
            defer { outcomes.removeAll(keepingCapacity: true) }
            return outcomes
        }
    }

    /// Called, on the thread that runs the steps, when there are outcomes to take.
    func notify(_ body: (@Sendable () -> Void)?) { monitor.withLock { onOutcome = body } }

    var currentProblems: [StorageProblem] {
        monitor.withLock { problems.sorted { $0.key < $1.key }.map(\.value) }
    }

    var isIdle: Bool { monitor.withLock { unfinishedCount == 0 && outcomes.isEmpty } }

    /// Does one step of what is most urgent.
    ///
    /// - Returns: false when there is nothing to do, or all of it waits for something else.
    func runOneStep() -> Bool {
        precondition(!hasThread, "the thread runs the steps")
        return runStep(now: .max) == .worked
    }

    // MARK: Steps

    private enum StepResult { case worked, waiting, idle }

    private func runWhenWanted() -> Bool {
        if monitor.withLock({ isStopping }) { return false }
        let now = context.time.monotonicNanoseconds()
        switch runStep(now: now) {
        case .worked: break
        case .waiting:
            monitor.withLock {
                if arrived.isEmpty, !isStopping { _ = monitor.wait(nanoseconds: Self.waitNanoseconds) }
            }
        case .idle:
            monitor.withLock {
                let next = jobs.map(\.notBefore).min()
                while arrived.isEmpty, !isStopping {
                    guard let next else {
                        monitor.wait()
                        continue
                    }
                    if !monitor.wait(nanoseconds: next - context.time.monotonicNanoseconds()) { break }
                }
            }
        }
        return true
    }

    private func collect() {
        monitor.withLock {
            jobs += arrived.map { Entry(job: $0) }
            arrived.removeAll(keepingCapacity: true)
        }
    }

    private func runStep(now: Int64) -> StepResult {
        collect()
        var isWaiting = false
        let order = jobs.indices.filter { jobs[$0].notBefore <= now }
            .sorted { (jobs[$0].job.urgency, $0) < (jobs[$1].job.urgency, $1) }
        for index in order {
            let job = jobs[index].job
            do {
                switch try job.step(&context) {
                case .more: return .worked
                case .waiting: isWaiting = true
                case .done(let outcome):
                    jobs.remove(at: index)
                    report(outcome, of: job)
                    return .worked
                }
            } catch {
                if let outcome = job.failed(error, &context) {
                    jobs.remove(at: index)
                    report(outcome, of: job)
                    return .worked
                }
                retryLater(index, error)
                isWaiting = true
            }
        }
        return isWaiting ? .waiting : .idle
    }

    private func retryLater(_ index: Int, _ error: StorageError) {
        let attempts = jobs[index].attempts + 1
        var pause = min(
            Self.firstRetryNanoseconds << Int64(min(attempts - 1, 5)), Self.longestRetryNanoseconds)
        // A manifest has to be written before any space comes back.
        if case .storageFull = error, context.giveUpReserve() { pause = 0 }
        jobs[index].attempts = attempts
        jobs[index].notBefore = hasThread ? context.time.monotonicNanoseconds() + pause : .min
        let urgency = jobs[index].job.urgency
        monitor.withLock { problems[urgency] = StorageProblem(error: error, attempts: attempts) }
    }

    private func report(_ outcome: BackgroundOutcome, of job: any BackgroundJob) {
        let hook = monitor.withLock {
            outcomes.append(outcome)
            unfinishedCount -= 1
            problems[job.urgency] = nil
            return onOutcome
        }
        hook?()
    }
}
