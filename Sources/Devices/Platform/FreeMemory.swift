import CPlatform
import Glibc
import Synchronization

/// Gives memory that was freed back to the system, which the allocator by itself keeps for later.
public enum FreeMemory {
    private static let isComing = Atomic<Bool>(false)

    /// Soon, on a thread of its own, since it can take a while; calls in between count as one. For
    /// whoever has freed very much at once.
    public static func returnSoon() {
        guard !isComing.exchange(true, ordering: .relaxed) else { return }
        _ = Thread(name: "free-memory") {
            // What ends now, ends seldom alone.
            sleep(1)
            isComing.store(false, ordering: .relaxed)
            duolog_return_memory()
        }
    }
}
