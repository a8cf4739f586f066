import CPlatform
import Glibc

/// Waits for sockets to become ready (epoll), and for other threads to knock (eventfd).
///
/// Each registration carries a 64-bit value that comes back with its events.
public final class Poller {
    public struct Event {
        public let data: UInt64
        let bits: UInt32

        public var isReadable: Bool { bits & UInt32(DUOLOG_POLL_READ) != 0 }
        public var isWritable: Bool { bits & UInt32(DUOLOG_POLL_WRITE) != 0 }
        /// The peer has closed its side, or the socket failed: reading tells which.
        public var isHangup: Bool { bits & UInt32(DUOLOG_POLL_HANGUP) != 0 }
    }

    private static let capacity = 256
    private let descriptor: Int32
    private let wakeup: Int32
    private let raw: UnsafeMutablePointer<duolog_poll_event>

    /// - Parameter wakeupData: what an event carries that ``wake()`` caused.
    public init(wakeupData: UInt64) throws(SocketError) {
        descriptor = duolog_poll_create()
        guard descriptor >= 0 else { throw SocketError("epoll_create1", -descriptor) }
        wakeup = duolog_wakeup_create()
        guard wakeup >= 0 else {
            Glibc.close(descriptor)
            throw SocketError("eventfd", -wakeup)
        }
        let added = duolog_poll_add_source(descriptor, wakeup, wakeupData)
        precondition(added == 0, "a new eventfd cannot be polled: errno \(-added)")
        raw = .allocate(capacity: Self.capacity)
    }

    deinit {
        Glibc.close(wakeup)
        Glibc.close(descriptor)
        raw.deallocate()
    }

    /// Reports each change to readable or writable once (edge triggered).
    public func addStream(_ socket: Socket, data: UInt64) throws(SocketError) {
        let result = duolog_poll_add_stream(descriptor, socket.descriptor, data)
        guard result == 0 else { throw SocketError("epoll_ctl", -result) }
    }

    /// Reports readable for as long as it is (level triggered).
    public func addListener(_ socket: Socket, data: UInt64) throws(SocketError) {
        let result = duolog_poll_add_source(descriptor, socket.descriptor, data)
        guard result == 0 else { throw SocketError("epoll_ctl", -result) }
    }

    public func remove(_ socket: Socket) {
        _ = duolog_poll_remove(descriptor, socket.descriptor)
    }

    /// Appends what is ready to `events`; -1 waits for ever. A signal ends the wait early.
    public func wait(timeoutMilliseconds: Int32, into events: inout [Event]) {
        let count = duolog_poll_wait(descriptor, raw, Int32(Self.capacity), timeoutMilliseconds)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            events.append(Event(data: raw[index].data, bits: raw[index].events))
        }
    }

    /// Ends a wait. Any thread.
    public func wake() { duolog_wakeup_signal(wakeup) }

    /// Forgets the wake-ups so far.
    public func clearWakeup() { duolog_wakeup_clear(wakeup) }
}
