import Bytes
import Synchronization
import Transport

/// One receiver of a subject's messages, with all that a delivery needs, for one loop. Plain data:
/// no reference counting, no lookups.
///
/// Unsafe has an address here and in `LoopRouter+Publish.swift`. A recipient's pointers are good
/// for as long as the `MatchEntry` that it lies in, which retains the subscription and, through it,
/// the connection.
struct Recipient {
    /// This loop's stage of the connection.
    var stage: UnsafeMutablePointer<OutputStage>
    var counter: UnsafeMutablePointer<Atomic<Int64>>
    /// The sid and one space, as it is written.
    var sid0: UInt64
    var sid1: UInt64
    var sidByteCount: Int
    var connectionID: UInt64
    var traits: Subscription.Traits
    var subscription: Unmanaged<Subscription>

    static let longestInlineSID = 15

    init(_ subscription: Subscription, loopIndex: Int) {
        stage = subscription.connection.stage(of: loopIndex)
        counter = subscription.counter(of: loopIndex)
        connectionID = subscription.connection.id
        traits = subscription.traits
        if subscription.isLimited { traits.insert(.limited) }
        if subscription.givesAnswers { traits.insert(.givesAnswers) }
        if subscription.mapping != nil { traits.insert(.mapped) }
        self.subscription = .passUnretained(subscription)
        (sid0, sid1) = subscription.sidWords
        sidByteCount = subscription.sid.count + 1
    }

    /// A sid that is not too long, and one space, as they are written.
    static func words(of sid: [UInt8]) -> (UInt64, UInt64) {
        var (low, high): (UInt64, UInt64) = (0, 0)
        guard sid.count <= longestInlineSID else { return (0, 0) }
        for index in 0...sid.count {
            let byte = index < sid.count ? sid[index] : UInt8(ascii: " ")
            let shifted = UInt64(byte) << (UInt64(index % 8) * 8)
            if index < 8 { low |= shifted } else { high |= shifted }
        }
        return (low, high)
    }
}

/// Who gets the messages of one subject, as one loop sees it.
struct MatchEntry {
    let hash: UInt64
    let stamp: SubscriptionIndex.Stamp
    /// The router's epoch at which the stamp was last compared.
    var checkedEpoch: UInt64
    /// The ``CompiledPermissions/id`` of whoever was last found allowed to publish this; 0 for
    /// nobody.
    var allowedPublisher: UInt64 = 0
    let subject: UnsafeMutableRawPointer
    let subjectByteCount: Int
    /// Plain subscribers first, then the members of each queue group.
    let recipients: UnsafeMutablePointer<Recipient>
    let recipientCount: Int
    let plainCount: Int
    /// Where each group ends.
    let groupEnds: [Int]
    /// What the server itself does with the messages.
    let interests: [InternalInterest]
    /// Whether there is any of that: asked for each message, without touching the list.
    let hasInterests: Bool
    /// The one thing that the server does with them, where that is to capture what needs no word of who published it.
    let plainCapture: CaptureTag?
    /// Whether there is anybody at all.
    let hasReceivers: Bool
    /// Keeps what the recipients point to.
    private let subscriptions: [Subscription]

    /// - Parameter matches: put in order, plain ones before groups.
    init(
        subject: RawSpan, hash: UInt64, stamp: SubscriptionIndex.Stamp, epoch: UInt64,
        matches: [Subscription], interests: [InternalInterest], loopIndex: Int
    ) {
        self.hash = hash
        self.stamp = stamp
        checkedEpoch = epoch
        var ordered: [Subscription] = []
        var groups: [(queue: [UInt8], members: [Subscription])] = []
        // Mostly there is no queue group, and the matches are in order as they are.
        let isOrdered = matches.allSatisfy { $0.queue.isEmpty }
        if isOrdered { ordered = matches }
        for subscription in isOrdered ? [] : matches {
            if subscription.queue.isEmpty {
                ordered.append(subscription)
            } else if let index = groups.firstIndex(where: { $0.queue == subscription.queue }) {
                groups[index].members.append(subscription)
            } else {
                groups.append((subscription.queue, [subscription]))
            }
        }
        plainCount = ordered.count
        var ends: [Int] = []
        for group in groups {
            ordered += group.members
            ends.append(ordered.count)
        }
        groupEnds = ends
        self.interests = interests
        hasInterests = !interests.isEmpty
        if interests.count == 1, case .capture(let tag) = interests[0], tag != .api {
            plainCapture = tag
        } else {
            plainCapture = nil
        }
        subscriptions = ordered
        recipientCount = ordered.count
        hasReceivers = !ordered.isEmpty || !interests.isEmpty
        recipients = .allocate(capacity: max(1, ordered.count))
        for (index, subscription) in ordered.enumerated() {
            (recipients + index).initialize(to: Recipient(subscription, loopIndex: loopIndex))
        }
        let count = subject.byteCount
        subjectByteCount = count
        self.subject = .allocate(byteCount: max(1, count), alignment: 8)
        let memory = self.subject
        subject.withUnsafeBytes {
            if count > 0 { memory.copyMemory(from: $0.baseAddress!, byteCount: count) }
        }
    }

    func deallocate() {
        recipients.deallocate()
        subject.deallocate()
    }
}
