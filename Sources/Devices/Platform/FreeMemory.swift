import CPlatform
import Glibc
import Synchronization

/// Gives memory that was freed back to the system, which the allocator by itself keeps for later.
public enum FreeMemory {
    private static let isComing = Atomic<Bool>(false)
    private static let freed = Atomic<Int>(0)
    /// So much, freed in many pieces, is worth giving back.
    private static let muchByteCount = 16 << 20

    /// About so much was freed, which is not there again soon. Any thread.
    public static func count(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        let sum = freed.add(byteCount, ordering: .relaxed).newValue
        if sum >= muchByteCount { returnSoon() }
    }

    /// Soon, on a thread of its own, since it can take a while; calls in between count as one. For
    /// whoever has freed very much at once.
    private static func returnSoon() {
        guard !isComing.exchange(true, ordering: .relaxed) else { return }
        _ = Thread(name: "free-memory") {
            // What ends now, ends seldom alone: again for as long as more ends meanwhile.
            repeat {
                sleep(1)
                freed.store(0, ordering: .relaxed)
                duolog_return_memory()
            } while freed.load(ordering: .relaxed) >= muchByteCount / 16
            isComing.store(false, ordering: .relaxed)
        }
    }
}
