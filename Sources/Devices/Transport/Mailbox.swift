import Platform
import Synchronization

/// How other threads hand work to a loop: a list that is taken as a whole, and a knock only if the
/// loop sleeps.
final class Mailbox: Sendable {
    private let list = Mutex<[@Sendable () -> Void]>([])
    private let isAsleep = Atomic<Bool>(false)

    func post(_ work: @escaping @Sendable () -> Void, waking poller: Poller) {
        list.withLock { $0.append(work) }
        if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { poller.wake() }
    }

    /// To be asked right before the loop waits. False: there is work, don't.
    func prepareToSleep() -> Bool {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        if list.withLock({ $0.isEmpty }) { return true }
        isAsleep.store(false, ordering: .sequentiallyConsistent)
        return false
    }

    func awake() { isAsleep.store(false, ordering: .sequentiallyConsistent) }

    func takeAll() -> [@Sendable () -> Void] {
        list.withLock { list in
            if list.isEmpty { return [] }
            var taken: [@Sendable () -> Void] = []
            swap(&taken, &list)
            return taken
        }
    }
}
