import Bytes
import Platform

/// What a connection has between its socket and its handler: TLS, WebSocket, or the one in the
/// other. Connections without either have no filter.
///
///     socket  ⇄  TLS  ⇄  WebSocket  ⇄  handler
///
/// It lives on the connection's loop. Until ``isHeld`` is false only that loop writes to the
/// connection, so what changes before that is no other thread's business; what is used after it by
/// those that write is `tls`, which has a lock, and `wire` and `framer`, which belong to whoever
/// writes.
final class ConnectionFilter {
    enum Stage {
        /// Nothing came yet; the timer decides whether the greeting goes out in the clear.
        case undecided
        /// The client is to begin with TLS, or, where that is allowed, with something else.
        case expectsTLS
        case handshake
        case upgrade
        case open
    }

    var stage = Stage.open
    /// What the handler writes has to wait: the handshake is not over.
    var isHeld = false
    var hasSaidGoodbye = false
    /// Nothing came yet.
    var isUntouched = true
    /// The handshake counts among those that may begin in a second.
    var isCounted = false

    let plan: ConnectionPlan
    var tls: TLSSession?
    var webSocket: WebSocketDecoder?
    var upgrade: UpgradeRequestReader?
    var timer: TimerID?
    /// Nil once it was called: makes the handler of a connection that has to be upgraded first.
    var makeHandler: ((Connection) -> any ConnectionHandler)?

    // For whoever writes: see Connection+FilteredOutput.swift.
    var wire = WireBuffer()
    var framer: WebSocketFramer?

    init(_ plan: ConnectionPlan) { self.plan = plan }

    /// Whether a peer that goes away now leaves a handshake that did not come about.
    var awaitsTLS: Bool {
        switch stage {
        case .undecided, .handshake: true
        case .expectsTLS: !plan.tls!.allowsPlain
        case .upgrade, .open: false
        }
    }

    deinit { wire.release() }
}

/// The memory that the filters of all connections of a loop share. Made when a connection with a
/// filter first comes.
final class FilterMemory {
    static let readByteCount = 128 << 10
    /// What is framed and sealed in one go.
    static let sliceByteCount = 64 << 10

    /// What was read, before TLS.
    let raw: UnsafeMutableRawPointer
    /// What TLS has opened, before WebSocket.
    let opened: UnsafeMutableRawPointer
    let openedByteCount = TLSSession.openedBound(FilterMemory.readByteCount)
    /// What WebSocket has framed, before TLS.
    var framed = WireBuffer()
    lazy var deflater = Deflater()
    lazy var inflater = Inflater()
    private var spare: [WireBuffer] = []

    init() {
        raw = .allocate(byteCount: Self.readByteCount, alignment: 64)
        opened = .allocate(byteCount: openedByteCount, alignment: 64)
    }

    deinit {
        raw.deallocate()
        opened.deallocate()
        framed.release()
        for index in spare.indices { spare[index].release() }
    }

    func takeWire() -> WireBuffer {
        if let wire = spare.popLast() { return wire }
        var wire = WireBuffer()
        wire.reserve(WireBuffer.usualCapacity)
        return wire
    }

    func recycle(_ wire: inout WireBuffer) {
        if spare.count < 4, WireBuffer.usualCapacity...(2 * WireBuffer.usualCapacity) ~= wire.capacity {
            wire.clear()
            spare.append(wire)
            wire.forget()
        } else {
            wire.release()
        }
    }
}
