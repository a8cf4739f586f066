public import Synchronization

/// What one loop has delivered to one connection. That loop alone writes it; any thread may read,
/// and sees numbers that may be a moment old.
///
/// It lies beside the loop's ``OutputStage``, in the cache line that a delivery writes anyway, so
/// counting costs two additions and no line of anybody else's.
@frozen
public struct DeliveryCounters: ~Copyable {
    @usableFromInline let messages = Atomic<UInt64>(0)
    @usableFromInline let bytes = Atomic<UInt64>(0)
    /// When the loop last wrote messages out, in monotonic nanoseconds; 0 for never.
    @usableFromInline let lastNanoseconds = Atomic<Int64>(0)
    /// What `messages` was then. For the loop only.
    @usableFromInline var seenMessages: UInt64 = 0

    @usableFromInline init() {}

    /// Behind the stage, in the same 64 bytes.
    @usableFromInline static var offset: Int { 24 }

    /// Where the counters of the loop lie that owns `stage`.
    @inlinable
    public static func beside(
        _ stage: UnsafeMutablePointer<OutputStage>
    ) -> UnsafeMutablePointer<DeliveryCounters> {
        // A stage is always the first 24 bytes of its cache line, and the counters are the rest.
        (UnsafeMutableRawPointer(stage) + offset).assumingMemoryBound(to: DeliveryCounters.self)
    }

    /// One message with that many bytes of headers and payload. On the loop.
    @inlinable @inline(__always)
    public func count(_ byteCount: Int) {
        messages.store(messages.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        bytes.store(
            bytes.load(ordering: .relaxed) &+ UInt64(truncatingIfNeeded: byteCount),
            ordering: .relaxed)
    }

    /// Remembers when, if messages were counted since the last time. On the loop.
    mutating func markFlush(_ nanoseconds: Int64) {
        let now = messages.load(ordering: .relaxed)
        if now == seenMessages { return }
        seenMessages = now
        lastNanoseconds.store(nanoseconds, ordering: .relaxed)
    }
}

extension Connection {
    /// What was delivered to a connection.
    public struct Delivered: Sendable, Equatable {
        public var messages: UInt64 = 0
        /// Of headers and payload.
        public var bytes: UInt64 = 0
        /// Monotonic; 0 for never.
        public var lastNanoseconds: Int64 = 0
    }

    /// The sum over all loops. Any thread.
    public var delivered: Delivered {
        var sum = Delivered()
        for index in 0..<loop.loopCount {
            let counters = DeliveryCounters.beside(stage(of: index))
            sum.messages &+= counters.pointee.messages.load(ordering: .relaxed)
            sum.bytes &+= counters.pointee.bytes.load(ordering: .relaxed)
            sum.lastNanoseconds = max(
                sum.lastNanoseconds, counters.pointee.lastNanoseconds.load(ordering: .relaxed))
        }
        return sum
    }
}
