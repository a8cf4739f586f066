import Subjects
import Synchronization
import Transport

/// What one connection wants to receive under one sid. Made on the connection's loop; the routers
/// of all loops deliver to it.
final class Subscription: Sendable, Equatable {
    let connection: Connection
    let sid: [UInt8]
    /// See ``Recipient/words(of:)``.
    let sidWords: (UInt64, UInt64)
    let filter: [UInt8]
    /// Empty: not in a queue group.
    let queue: [UInt8]
    let traits: Traits
    /// Of a subscription that lies in another account's index, because the client's account imports
    /// from there: the one that the client made, which counts for both.
    let origin: Subscription?
    /// What the client calls the subjects that this one is found by; nil for the same.
    let mapping: SubjectTransform?

    /// Things about a subscription that need more than the fastest path.
    struct Traits: OptionSet {
        let rawValue: UInt8
        /// The connection does not want its own messages.
        static let noEcho = Traits(rawValue: 1)
        /// The connection does not understand headers.
        static let noHeaders = Traits(rawValue: 2)
        /// The sid is too long for the room that a recipient has for it.
        static let longSID = Traits(rawValue: 4)
        /// UNSUB has set a maximum.
        static let limited = Traits(rawValue: 8)
        /// Publishers do not wait for it when it is slow; it misses the message.
        static let skippedWhenFull = Traits(rawValue: 16)
        /// The client may answer what it gets, though not publish freely.
        static let givesAnswers = Traits(rawValue: 32)
        /// The client sees other subjects than those it was found by.
        static let mapped = Traits(rawValue: 64)
    }

    /// Deliveries so far, a counter for each loop, which alone writes it.
    private let counters: Counters
    /// How many messages may still come, where UNSUB has set a maximum.
    private let remaining = Atomic<Int64>(.max)

    /// Whether ``rights`` say anything, to be looked at first.
    let isRestricted = Atomic<Bool>(false)
    /// What the client's permissions mean for this subscription.
    let rights = Mutex(ReceiverRights())

    private struct Counters: @unchecked Sendable {
        let base: UnsafeMutablePointer<Atomic<Int64>>
    }

    init(
        connection: Connection, sid: [UInt8], filter: [UInt8], queue: [UInt8], traits: Traits
    ) {
        origin = nil
        mapping = nil
        self.connection = connection
        self.sid = sid
        sidWords = Recipient.words(of: sid)
        self.filter = filter
        self.queue = queue
        self.traits = traits
        let loopCount = connection.loop.loopCount
        counters = Counters(base: .allocate(capacity: loopCount))
        for index in 0..<loopCount { (counters.base + index).initialize(to: Atomic(0)) }
    }

    /// The part of `origin` that another account's messages come by.
    init(_ origin: Subscription, importedBy filter: [UInt8], mapping: SubjectTransform?) {
        self.origin = origin
        self.mapping = mapping
        self.filter = filter
        connection = origin.connection
        sid = origin.sid
        sidWords = origin.sidWords
        queue = origin.queue
        traits = origin.traits
        counters = origin.counters
    }

    deinit { if origin == nil { counters.base.deallocate() } }

    static func == (left: Subscription, right: Subscription) -> Bool { left === right }

    /// The counter of one loop; it lives as long as the subscription.
    func counter(of loopIndex: Int) -> UnsafeMutablePointer<Atomic<Int64>> {
        counters.base + loopIndex
    }

    var deliveredCount: Int64 {
        var sum: Int64 = 0
        for index in 0..<connection.loop.loopCount {
            sum += counters.base[index].load(ordering: .relaxed)
        }
        return sum
    }

    var isLimited: Bool {
        origin?.isLimited ?? (remaining.load(ordering: .relaxed) != .max)
    }

    /// How many messages UNSUB has allowed in all; 0 for no limit.
    var maximum: Int64 {
        let left = remaining.load(ordering: .relaxed)
        return left == .max ? 0 : deliveredCount + max(0, left)
    }

    /// Allows `maximum` messages in all, counted from the beginning.
    ///
    /// - Returns: false if that many came already.
    func limit(to maximum: Int) -> Bool {
        let left = Int64(maximum) - deliveredCount
        remaining.store(max(0, left), ordering: .relaxed)
        return left > 0
    }

    /// A limited subscription asks before each delivery.
    enum Permit { case granted, last, exhausted }

    func takePermit() -> Permit {
        if let origin { return origin.takePermit() }
        let before = remaining.subtract(1, ordering: .relaxed).oldValue
        return before > 1 ? .granted : before == 1 ? .last : .exhausted
    }
}
