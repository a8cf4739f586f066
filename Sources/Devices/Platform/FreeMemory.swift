import CPlatform
import Glibc
import Synchronization

/// Gives memory that was freed back to the system, which the allocator by itself keeps for later.
///
/// Two things stay resident in glibc 2.36 that were freed. `malloc_trim` gives whole free pages back, but not those at the end
/// of a thread's arena, of which `free` keeps as much as its threshold says: by itself up to 64 MiB in each arena once a
/// large array was freed. And a page is only free when all its pieces are: of a million small objects that go in no order,
/// the pages come free nearly all at once, with the last ones.
public enum FreeMemory {
    private static let isComing = Atomic<Bool>(false)
    private static let freed = Atomic<Int>(0)
    /// So much, freed in many pieces, is worth giving back.
    private static let muchByteCount = 16 << 20
    /// Less than that in a second is the end of what made so much free.
    private static let littleByteCount = 1 << 20
    /// So long it may go on until memory is given back in between.
    private static let patienceSeconds = 8

    /// Lets an arena keep 2 MiB at its end for what comes next, and arrays of 1 MiB and more have pages of their own,
    /// which go with them. Before any other thread starts.
    public static func keepLittle() { duolog_bound_kept_memory(1 << 20, 2 << 20) }

    /// About so much was freed, which is not there again soon. Any thread.
    ///
    /// Who frees many pieces over several turns says so behind the last one.
    public static func count(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        let sum = freed.add(byteCount, ordering: .sequentiallyConsistent).newValue
        if sum >= muchByteCount { returnSoon() }
    }

    /// Soon, on a thread of its own, since it can take a while; calls in between count as one. For
    /// whoever has freed very much at once.
    private static func returnSoon() {
        guard !isComing.exchange(true, ordering: .sequentiallyConsistent) else { return }
        let thread = Thread(name: "free-memory") {
            returnAndWatch()
            isComing.store(false, ordering: .sequentiallyConsistent)
            // Counted by somebody who still saw this thread coming.
            if freed.load(ordering: .sequentiallyConsistent) >= muchByteCount { returnSoon() }
        }
        thread.detach()
    }

    /// Once a second passes in which little more was freed, and again until one has passed since.
    private static func returnAndWatch() {
        var isOwed = true
        var seconds = 0
        freed.store(0, ordering: .sequentiallyConsistent)
        while true {
            sleep(1)
            seconds += 1
            let isOver = freed.exchange(0, ordering: .sequentiallyConsistent) < littleByteCount
            if isOver, !isOwed { return }
            isOwed = true
            guard isOver || seconds >= patienceSeconds else { continue }
            // What is freed meanwhile is seen a second later.
            duolog_return_memory()
            isOwed = false
            seconds = 0
        }
    }
}
