public import Model
import Platform
import Synchronization

/// One thread with its own epoll set, and everything that lives on it.
///
/// A turn: wait, run what other threads posted, read what is ready, run due timers, run the
/// turn-end hooks, write each socket that got something once. Everything but ``post(_:)`` is for
/// the loop's own thread.
public final class EventLoop: @unchecked Sendable {
    public let index: Int
    /// How many loops the group has: each connection has one output stage for each.
    public let loopCount: Int

    /// Wall clock time, read once a turn.
    @exclusivity(unchecked) public internal(set) var now: Timestamp
    /// Read once a turn; never goes back.
    @exclusivity(unchecked) public internal(set) var monotonicNanoseconds: Int64
    /// Counts turns.
    public internal(set) var turn: UInt64 = 0
    /// The last receiver with too much pending (``Connection/isCongested``) that this loop staged for.
    /// Producers look here to slow down, and set it back to nil.
    public var congestedReceiver: Connection?

    /// A receiver with more than this pending is congested, one with a low limit sooner.
    public static let congestionByteCount = 1 << 20

    let poller: Poller
    let mailbox = Mailbox()
    var timers = Timers()
    var hooks: [() -> Void] = []
    var pool = BlockPool()
    var connections: [Connection] = []
    var listeners: [Listener] = []
    var isStopping = false

    /// Connections with more to read than their share of the last turn, or told to resume.
    var ready: [Connection] = []
    /// Connections for which this loop has staged output.
    var dirty: [Connection] = []
    /// Connections to be ended when this turn's output is written.
    var closing: [Connection] = []
    /// Ended in this turn; kept until no event of this turn can name them.
    var ended: [Connection] = []

    let scratch: UnsafeMutableRawPointer
    lazy var filterMemory = FilterMemory()
    static let readByteCount = 256 << 10
    /// Up to this much of an incomplete message is moved in front of the next read.
    static let carryByteCount = 16 << 10
    /// So many dirty connections are flushed before the turn ends, to bound the blocks in use.
    static let dirtyLimit = 1024

    private let threadIdentifier = Atomic<UInt>(0)

    init(index: Int, loopCount: Int) throws(SocketError) {
        self.index = index
        self.loopCount = loopCount
        poller = try Poller(wakeupData: PollTag.wakeup)
        now = Clock.now()
        monotonicNanoseconds = Clock.monotonicNanoseconds()
        scratch = .allocate(byteCount: Self.carryByteCount + Self.readByteCount, alignment: 64)
    }

    deinit {
        scratch.deallocate()
        pool.deallocate()
    }

    public var isCurrent: Bool {
        threadIdentifier.load(ordering: .relaxed) == Thread.currentIdentifier
    }

    public func preconditionOnLoop() {
        precondition(isCurrent, "not on the thread of event loop \(index)")
    }

    func bindToCurrentThread() {
        threadIdentifier.store(Thread.currentIdentifier, ordering: .relaxed)
    }

    /// Runs `work` on this loop, in its next turn, after what was posted before. Any thread.
    public func post(_ work: @escaping @Sendable () -> Void) {
        mailbox.post(work, waking: poller)
    }

    /// Runs `hook` in each turn, after all reads and before output is written. For good.
    public func atTurnEnd(_ hook: @escaping () -> Void) { hooks.append(hook) }

    /// Runs `work` once, no earlier than that much later.
    @discardableResult
    public func schedule(
        afterNanoseconds delay: Int64, _ work: @escaping () -> Void
    ) -> TimerID {
        // A century is as good as never, and cannot overflow.
        timers.add(at: monotonicNanoseconds + min(max(0, delay), 3_155_760_000_000_000_000), work)
    }

    /// Does nothing if the timer has run already.
    public func cancel(_ timer: TimerID) { timers.cancel(timer) }

    /// Puts an accepted socket on this loop. `makeHandler` is called once, before anything is read;
    /// for WebSockets when the client's request was agreed to. Where it never comes to that,
    /// `abandoned` is called in its place when the connection has ended.
    public func adopt(
        _ accepted: AcceptedSocket, as plan: ConnectionPlan = .plain,
        abandoned: ((Connection) -> Void)? = nil,
        _ makeHandler: @escaping (Connection) -> any ConnectionHandler
    ) {
        let connection = Connection(accepted, on: self)
        guard !isStopping,
            (try? poller.addStream(accepted.socket, data: PollTag.of(connection))) != nil
        else {
            accepted.socket.close()
            connection.markNeverOpened()
            abandoned?(connection)
            return
        }
        connection.place = connections.count
        connections.append(connection)
        connection.abandoned = abandoned
        connection.begin(plan, makeHandler)
    }

    /// How many connections live here.
    public var connectionCount: Int { connections.count }
}

/// What the poller's 64 bits say: an object's address, whose low bits are free, and what kind it
/// is.
enum PollTag {
    static let wakeup: UInt64 = 1
    private static let listenerBit: UInt64 = 2

    static func of(_ connection: Connection) -> UInt64 { address(connection) }
    static func of(_ listener: Listener) -> UInt64 { address(listener) | listenerBit }

    static func isListener(_ data: UInt64) -> Bool { data & listenerBit != 0 }

    /// The loop keeps what it registered alive until no event can name it any more.
    static func connection(_ data: UInt64) -> Connection { object(data) }
    static func listener(_ data: UInt64) -> Listener { object(data & ~listenerBit) }

    private static func address(_ object: AnyObject) -> UInt64 {
        UInt64(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()))
    }

    private static func object<T: AnyObject>(_ data: UInt64) -> T {
        Unmanaged<T>.fromOpaque(UnsafeRawPointer(bitPattern: UInt(data))!).takeUnretainedValue()
    }
}
