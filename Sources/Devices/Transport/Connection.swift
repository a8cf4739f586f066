import DequeModule
import Platform
import Synchronization

/// What becomes of a connection's bytes. Called on the connection's loop.
public protocol ConnectionHandler: AnyObject {
    /// Takes what it can use of `bytes` and returns how many those were; the rest comes again with
    /// more behind it.
    func received(_ bytes: RawSpan, on connection: Connection) -> Int
    /// The connection has ended, for whatever reason. Called once; nothing is received any more.
    func closed(_ connection: Connection)
}

/// A TCP connection, which lives on one loop. Other loops may write to it, each by a stage of its
/// own.
public final class Connection: @unchecked Sendable {
    public let loop: EventLoop
    /// Never given out twice by this process.
    public let id: UInt64
    public let remoteAddress: (host: String, port: Int)

    /// Why it ended, once it has.
    public enum EndReason: Sendable {
        case peerClosed, closedHere, slowReader, writeTimeout, failed
        /// TLS or WebSocket did not come about, or what came was not theirs: ``failure`` says why.
        case handshakeFailed, malformedInput
    }
    public internal(set) var endReason: EndReason?

    // What stands between the socket and the handler: see Filters/Connection+Filter.swift.
    var filter: ConnectionFilter?
    public internal(set) var kind = ConnectionKind.client
    /// Nil without TLS, and until the handshake is over.
    public internal(set) var tlsIdentity: TLSIdentity?
    /// The client began with TLS, before the server had said anything.
    public internal(set) var beganWithTLS = false
    /// Nil for other connections than WebSockets.
    public internal(set) var webSocketRequest: WebSocketRequest?
    /// Why a filter has ended it, if one has.
    public internal(set) var failure: FilterFailure?
    /// What a WebSocket is told at the end. Others are told nothing.
    public var goodbye: WebSocketClose?
    /// Called in place of the handler, for a connection that ended before it had one.
    var abandoned: ((Connection) -> Void)?

    /// More bytes than this waiting for a slow reader end the connection.
    public var pendingLimit: Int {
        get { pendingLimitStorage.load(ordering: .relaxed) }
        set { pendingLimitStorage.store(newValue, ordering: .relaxed) }
    }
    /// A reader that takes nothing for so long is given up.
    public var writeTimeoutNanoseconds: Int64 = 10_000_000_000
    /// When bytes last came in, in the loop's monotonic time.
    public internal(set) var lastReceivedNanoseconds: Int64

    let socket: Socket
    var handler: (any ConnectionHandler)?
    var place = 0
    var state = State.open

    /// open → closing (output is still written) → lingering (waits for the peer) → ended;
    /// each may go to ended at once.
    enum State { case open, closing, lingering, ended }

    /// Nothing that is sent to it arrives any more. Any thread; may be a moment late.
    public var isGone: Bool { gone.load(ordering: .relaxed) }
    private let gone = Atomic<Bool>(false)

    // Input: see Connection+Input.swift.
    var held = HeldInput()
    public internal(set) var isReadingPaused = false
    var mustRedeliver = false
    /// The peer has closed its side, or the socket failed: reading goes on until it says so.
    var peerHungUp = false
    var isInReady = false
    var isInClosing = false
    var lingers = true
    var endNoticeGiven = false
    var lingerDeadline: Int64 = 0

    // Output: see Connection+Output.swift.
    @usableFromInline let stages: UnsafeMutableRawPointer
    let output = Mutex(OutputQueue())
    let pending = Atomic<Int>(0)
    let progressNanoseconds = Atomic<Int64>(0)
    private let pendingLimitStorage = Atomic<Int>(64 << 20)

    private static let lastID = Atomic<UInt64>(0)

    init(_ accepted: AcceptedSocket, on loop: EventLoop) {
        self.loop = loop
        id = Self.lastID.add(1, ordering: .relaxed).newValue
        remoteAddress = (accepted.host, accepted.port)
        socket = accepted.socket
        lastReceivedNanoseconds = loop.monotonicNanoseconds
        stages = .allocate(byteCount: OutputStage.stride * loop.loopCount, alignment: 64)
        for index in 0..<loop.loopCount {
            stage(of: index).initialize(to: OutputStage(base: nil, count: 0, capacity: 0))
            DeliveryCounters.beside(stage(of: index)).initialize(to: DeliveryCounters())
        }
    }

    deinit {
        for index in 0..<loop.loopCount { stage(of: index).pointee.base?.deallocate() }
        stages.deallocate()
        held.deallocate()
    }

    /// Whether so much waits for its reader that publishers should wait too: a MiB, or three
    /// quarters of the limit if that is less. Any thread.
    public var isCongested: Bool {
        let limit = pendingLimitStorage.load(ordering: .relaxed)
        return pendingByteCount > min(EventLoop.congestionByteCount, limit / 4 * 3)
    }

    /// In how many pieces its pending bytes lie. Any thread.
    public var pendingBlockCount: Int { output.withLock { $0.blocks.count } }

    /// Bytes that were handed over and that the kernel has not taken yet. Any thread.
    public var pendingByteCount: Int { pending.load(ordering: .relaxed) }

    public var isOpen: Bool { state == .open }

    /// Ends the connection at the end of this turn; with `afterFlush`, once all its output is
    /// written.
    public func close(afterFlush: Bool) { close(afterFlush: afterFlush, linger: true) }

    func close(afterFlush: Bool, linger: Bool) {
        guard state == .open || (state != .ended && !afterFlush) else { return }
        if endReason == nil { endReason = .closedHere }
        if !linger { lingers = false }
        end(afterFlush ? .closing : .ended)
    }

    /// Goes on to a later state; the loop does the rest at the end of its turn.
    func end(_ next: State) {
        state = next
        gone.store(true, ordering: .relaxed)
        if isInClosing { return }
        isInClosing = true
        loop.closing.append(self)
    }

    func markNeverOpened() { state = .ended }

    /// From any thread: something went wrong with the socket, or its reader is too slow.
    func fail(_ reason: EndReason, from current: EventLoop) {
        if current === loop {
            failOnLoop(reason)
        } else {
            loop.post { [self] in failOnLoop(reason) }
        }
    }

    private func failOnLoop(_ reason: EndReason) {
        guard state != .ended else { return }
        if endReason == nil { endReason = reason }
        end(.ended)
    }

    /// At the end of a turn, after the flush.
    func endIfPossible() {
        isInClosing = false
        if !endNoticeGiven {
            endNoticeGiven = true
            if let handler {
                handler.closed(self)
            } else {
                abandoned?(self)
            }
            handler = nil
            abandoned = nil
            filter?.makeHandler = nil
            if let filter { cancelTimer(filter) }
            FreeMemory.count(held.capacity)
            held.deallocate()
        }
        switch state {
        case .open, .lingering: break
        case .closing:
            sayGoodbye()
            if !drainsBeforeEnd() { finishSending() }
        case .ended: release()
        }
    }

    /// All output is with the kernel. Closing now could discard what the peer sent meanwhile and,
    /// with it, our last words: so the peer first gets the chance to close its side.
    func finishSending() {
        guard state == .closing else { return }
        guard lingers, endReason != .peerClosed else { return end(.ended) }
        state = .lingering
        lingerDeadline = loop.monotonicNanoseconds + 1_000_000_000
        socket.shutdownSending()
        discardInput()
    }

    private func release() {
        guard place >= 0 else { return }
        loop.poller.remove(socket)
        loop.remove(self)
        place = -1
        closeSocket()
    }

    func checkDeadlines() {
        let now = loop.monotonicNanoseconds
        if state == .lingering, now >= lingerDeadline { return end(.ended) }
        if pendingByteCount > 0,
            now - progressNanoseconds.load(ordering: .relaxed) > writeTimeoutNanoseconds
        {
            failOnLoop(.writeTimeout)
        }
    }
}
