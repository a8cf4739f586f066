import Platform

extension LogStore {
    /// Gives background work a moment: returns when there may be something for ``applyBackgroundWork()``. For ends and
    /// tests; a loop hears of it by ``onBackgroundWork``.
    public func waitForBackgroundWork() {
        guard options.runsThread else {
            _ = worker.runOneStep()
            return
        }
        let monitor = Monitor()
        monitor.withLock { _ = monitor.wait(nanoseconds: 500_000) }
    }
}
