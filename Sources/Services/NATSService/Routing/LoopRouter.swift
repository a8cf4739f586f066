import Bytes
import JetStreamAPI
import Synchronization
import Transport

/// What one loop has done, in messages and bytes of headers and payload.
public struct RouterStatistics: Sendable, Equatable {
    public var messagesIn: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var messagesOut: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Subjects whose receivers are remembered now, and how many receivers those have together.
    public var cachedSubjects = 0
    public var cachedRecipients = 0
    /// The most receivers that a subject had since the start.
    public var largestMatch = 0

    public static func + (left: RouterStatistics, right: RouterStatistics) -> RouterStatistics {
        RouterStatistics(
            messagesIn: left.messagesIn &+ right.messagesIn,
            bytesIn: left.bytesIn &+ right.bytesIn,
            messagesOut: left.messagesOut &+ right.messagesOut,
            bytesOut: left.bytesOut &+ right.bytesOut,
            cachedSubjects: left.cachedSubjects + right.cachedSubjects,
            cachedRecipients: left.cachedRecipients + right.cachedRecipients,
            largestMatch: max(left.largestMatch, right.largestMatch))
    }
}

/// Routes what is published on one loop: to the subscribers' sockets, wherever they live, and to
/// the server's own inbox.
///
/// The path of a message: find who matches (remembered from the message before, else in the cache,
/// else in the index), then append the MSG to this loop's stage of each receiver. Nothing is
/// allocated, locked or counted by reference for it. The loop writes the stages at the end of its
/// turn.
///
/// There is one for each account and loop.
final class LoopRouter: @unchecked Sendable {
    let loop: EventLoop
    let index: SubscriptionIndex
    let hub: CaptureHub
    private let context: LoopContext
    let account: AccountRouting

    /// This loop's own; others read `published`, which is brought up to date at the end of each
    /// turn.
    var statistics = RouterStatistics()
    private let published = Mutex(RouterStatistics())
    var cache = MatchCache()
    /// Raised whenever cached matches must be compared with the index again: at each read, since
    /// its bytes may come after another client's subscription was confirmed, and at each change on
    /// this loop.
    var epoch: UInt64 = 1
    /// The match of the message before.
    var last: MatchCache.Entry?
    var random: UInt64
    /// Where tails are put together that the publisher's bytes don't have.
    var tail: [UInt8] = []

    /// Whether it is among those whose turn ends with the loop's.
    private var isActive = false
    /// Collects for the inbox.
    private let captured: CapturedBlock
    /// On loop 0, what the inbox is reading.
    private lazy var beingRead = CapturedBlock(loopIndex: loop.index, account: account)
    private var subscriptions: [Subscription] = []
    private var interests: [InternalInterest] = []
    private var auditInterest: (stamp: SubscriptionIndex.Stamp, isThere: Bool)?
    private let seed = UInt64.random(in: .min ... .max)

    init(_ context: LoopContext, account: AccountRouting) {
        self.context = context
        self.account = account
        loop = context.loop
        hub = context.hub
        index = account.index
        random = UInt64.random(in: 1 ... .max)
        captured = CapturedBlock(loopIndex: loop.index, account: account)
    }

    deinit { cache.deallocate() }

    /// Before anything is published: cached matches are compared with the index again.
    @inline(__always)
    func begin() {
        epoch &+= 1
        if !isActive { activate() }
    }

    @inline(never)
    private func activate() {
        isActive = true
        context.activate(self)
    }

    func exhausted(_ subscription: Subscription) { context.onExhausted?(subscription) }

    @inline(__always)
    func hash(_ subject: UnsafeRawPointer, _ count: Int) -> UInt64 {
        quickHash(UnsafeRawBufferPointer(start: subject, count: count).bytes, seed: seed)
    }

    /// Who gets the messages of this subject. Good until the next call.
    @inline(__always)
    func match(_ subject: UnsafeRawPointer, _ count: Int) -> MatchCache.Entry {
        if let last, last.pointee.checkedEpoch == epoch, last.pointee.isFor(subject, count) {
            return last
        }
        return lookup(subject, count)
    }

    /// The same for bytes that are not in a publisher's line.
    func match(_ subject: [UInt8]) -> MatchCache.Entry {
        subject.withUnsafeBytes { match($0.baseAddress ?? Self.nowhere, $0.count) }
    }

    @inline(never)
    private func lookup(_ subject: UnsafeRawPointer, _ count: Int) -> MatchCache.Entry {
        let hash = hash(subject, count)
        if let found = cache.find(hash, subject, count) {
            if found.pointee.checkedEpoch == epoch || index.isCurrent(found.pointee.stamp) {
                found.pointee.checkedEpoch = epoch
                last = found
                return found
            }
        }
        return build(UnsafeRawBufferPointer(start: subject, count: count).bytes, hash)
    }

    private func build(_ subject: RawSpan, _ hash: UInt64) -> MatchCache.Entry {
        // Read before the match: a change in between makes the entry outdated, not wrong.
        let stamp = index.stamp(for: subject)
        index.match(subject, &subscriptions, &interests)
        subscriptions.removeAll { !$0.mayReceive(subject) }
        var distinct: [InternalInterest] = []
        for interest in interests where !distinct.contains(interest) { distinct.append(interest) }
        let entry = MatchCache.Entry.allocate(capacity: 1)
        entry.initialize(
            to: MatchEntry(
                subject: subject, hash: hash, stamp: stamp, epoch: epoch, matches: subscriptions,
                interests: distinct, loopIndex: loop.index))
        subscriptions.removeAll(keepingCapacity: subscriptions.capacity < 1024)
        interests.removeAll(keepingCapacity: true)
        cache.insert(entry)
        statistics.cachedSubjects = cache.entryCount
        statistics.cachedRecipients = cache.recipientCount
        statistics.largestMatch = max(statistics.largestMatch, entry.pointee.recipientCount)
        last = entry
        return entry
    }

    // MARK: What the server itself subscribes to

    @inline(__always)
    func capture(
        _ message: borrowing RoutedMessage, _ tag: CaptureTag, client: [UInt8]
    ) {
        captured.append(
            tag: tag, connectionID: message.publisherID,
            subject: UnsafeRawBufferPointer(
                start: message.subject, count: message.subjectByteCount),
            reply: UnsafeRawBufferPointer(start: message.reply, count: message.replyByteCount),
            headerByteCount: message.headerByteCount,
            contents: UnsafeRawBufferPointer(
                start: message.contents, count: message.totalByteCount), client: client)
    }

    /// Whether somebody hears who asks JetStream for what; looked up when subscriptions change.
    var isAudited: Bool {
        if let auditInterest, index.isCurrent(auditInterest.stamp) { return auditInterest.isThere }
        let subject = APIAudit.subject
        let stamp = index.stamp(for: subject.span.bytes)
        let isThere = index.hasMatch(subject.span.bytes)
        auditInterest = (stamp, isThere)
        return isThere
    }

    /// Of the turns so far. Any thread.
    var publishedStatistics: RouterStatistics { published.withLock { $0 } }

    /// At the end of the turn.
    ///
    /// - Returns: whether something is left for the next one.
    func finishTurn() -> Bool {
        published.withLock { $0 = statistics }
        isActive = !captured.isEmpty
        return isActive
    }

    /// Whether something waits for the inbox.
    var hasCaptured: Bool { !captured.isEmpty }

    func handOverCaptured() {
        if captured.isEmpty { return }
        if loop.index == 0 {
            // What the inbox publishes while it reads is captured for the next round.
            beingRead.swapContents(with: captured)
            hub.inbox?.received(beingRead)
            beingRead.removeAll()
        } else {
            let block = CapturedBlock(loopIndex: loop.index, account: account)
            block.swapContents(with: captured)
            hub.post(block)
        }
    }
}

extension MatchEntry {
    @inline(__always)
    func isFor(_ other: UnsafeRawPointer, _ count: Int) -> Bool {
        guard count == subjectByteCount else { return false }
        var index = 0
        if count >= 8 {
            // The last eight bytes may be compared twice.
            while index &+ 8 < count {
                if differs(other, at: index, UInt64.self) { return false }
                index &+= 8
            }
            return !differs(other, at: count &- 8, UInt64.self)
        }
        if count >= 4 {
            return !differs(other, at: 0, UInt32.self)
                && !differs(other, at: count &- 4, UInt32.self)
        }
        while index < count {
            let left = other.load(fromByteOffset: index, as: UInt8.self)
            if left != subject.load(fromByteOffset: index, as: UInt8.self) { return false }
            index &+= 1
        }
        return true
    }

    @inline(__always)
    private func differs<Word: FixedWidthInteger & BitwiseCopyable>(
        _ other: UnsafeRawPointer, at index: Int, _ type: Word.Type
    ) -> Bool {
        other.loadUnaligned(fromByteOffset: index, as: type)
            != subject.loadUnaligned(fromByteOffset: index, as: type)
    }
}

/// Brings captured blocks to loop 0, and knows how much is on its way there.
final class CaptureHub: @unchecked Sendable {
    /// The server's, for what tells where a request came in.
    let serverName: String
    /// Used on loop 0 only.
    weak var inbox: (any InternalInbox)?

    private let home: EventLoop
    private let bytesOnTheWay = Atomic<Int>(0)
    private static let limit = 16 << 20

    init(home: EventLoop, serverName: String) {
        self.home = home
        self.serverName = serverName
    }

    /// Publishers on other loops have to wait while loop 0 is that far behind.
    var isCongested: Bool { bytesOnTheWay.load(ordering: .relaxed) > Self.limit }

    func post(_ block: CapturedBlock) {
        let count = block.byteCount
        bytesOnTheWay.add(count, ordering: .relaxed)
        home.post { [self] in
            inbox?.received(block)
            bytesOnTheWay.subtract(count, ordering: .relaxed)
        }
    }
}
