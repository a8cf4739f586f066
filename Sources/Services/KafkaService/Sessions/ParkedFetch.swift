import Broker
import Transport

/// A fetch that waits until there is enough to read, or until its time is up.
final class ParkedFetch: LogObserver {
    private let plan: FetchPlan
    private var timer: TimerID?
    private var isDone = false

    init(_ plan: FetchPlan) { self.plan = plan }

    func park() {
        for log in plan.logs { log.observe(self) }
        plan.exchange.session.park(self, in: plan.exchange.slot)
        timer = plan.exchange.service.loop.schedule(
            afterNanoseconds: plan.maxWaitNanoseconds
        ) { [weak self] in
            self?.timer = nil
            self?.finish()
        }
    }

    func logChanged(_ log: PartitionLog) {
        if !isDone, plan.isReady() { finish() }
    }

    /// The connection is gone.
    func cancel() {
        isDone = true
        for log in plan.logs { log.stopObserving(self) }
        if let timer { plan.exchange.service.loop.cancel(timer) }
        timer = nil
    }

    private func finish() {
        guard !isDone else { return }
        cancel()
        plan.exchange.session.unpark(plan.exchange.slot)
        plan.answer()
    }
}
