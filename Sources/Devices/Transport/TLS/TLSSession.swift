import CTLS
import Glibc
import Platform
import Synchronization

/// One connection's TLS: turns bytes of the network into content and back, and touches no socket.
///
/// The connection's loop opens what comes in while any loop may seal what goes out, so each call
/// holds a lock. Records leave in the order in which they were made, since all go to one buffer.
///
/// Unsafe has an address here: `raw` lives as long as this object and is used under `lock` only;
/// memory that is lent to it is lent for the time of a call.
final class TLSSession: @unchecked Sendable {
    enum Outcome: Equatable { case wantsMore, end, failed(String) }

    /// Its certificates and settings, kept alive.
    let context: TLSContext

    private let raw: UnsafeMutablePointer<duolog_tls>
    private let lock = Mutex(())

    /// What may wait to be sent that the peer caused without ever reading, such as answers to key
    /// updates.
    static let unaskedLimit = 64 << 10

    /// Nil where there is no memory.
    init?(_ context: TLSContext) {
        guard let raw = duolog_tls_create(context.raw) else { return nil }
        self.context = context
        self.raw = raw
    }

    deinit { duolog_tls_free(raw) }

    /// Goes on with the handshake with what came in.
    ///
    /// - Returns: nil once it is over, with content that may stand behind it still to be opened by
    ///   ``open(_:_:into:capacity:)``.
    func handshake(_ bytes: inout UnsafeRawBufferPointer) -> Outcome? {
        lock.withLock { _ in
            lend(bytes)
            defer { bytes = takeBack() }
            var error = duolog_tls_error()
            switch duolog_tls_handshake(raw, &error) {
            case Int32(DUOLOG_TLS_DONE): return nil
            case Int32(DUOLOG_TLS_WANTS_MORE): return .wantsMore
            case Int32(DUOLOG_TLS_END): return .end
            default: return .failed(error.message)
            }
        }
    }

    /// Opens records into `memory`, which has to have room for ``openedBound(_:)`` bytes.
    ///
    /// - Returns: how many bytes of content there are, and what comes after them.
    func open(
        _ bytes: UnsafeRawBufferPointer, into memory: UnsafeMutableRawPointer, capacity: Int
    ) -> (count: Int, next: Outcome) {
        lock.withLock { _ in
            lend(bytes)
            defer { _ = takeBack() }
            var error = duolog_tls_error()
            var next: Int32 = 0
            let count = duolog_tls_read(raw, memory, capacity, &next, &error)
            switch next {
            case Int32(DUOLOG_TLS_WANTS_MORE):
                let isFlooded = raw.pointee.out_count > Self.unaskedLimit
                return (count, isFlooded ? .failed("too many records to answer") : .wantsMore)
            case Int32(DUOLOG_TLS_END): return (count, .end)
            default: return (count, .failed(error.message))
            }
        }
    }

    /// Content never takes more than its records do, but for one record that began earlier.
    static func openedBound(_ byteCount: Int) -> Int { byteCount + (17 << 10) }

    /// Adds records for `count` bytes to `wire`, behind those that were made before.
    ///
    /// - Returns: whether that was possible.
    func seal(_ bytes: UnsafeRawPointer, count: Int, into wire: inout WireBuffer) -> Bool {
        lock.withLock { _ in
            lendOutput(&wire, byteCount: duolog_tls_sealed_bound(count))
            var error = duolog_tls_error()
            let outcome = duolog_tls_write(raw, bytes, count, &error)
            takeOutput(into: &wire)
            return outcome == Int32(DUOLOG_TLS_DONE)
        }
    }

    /// Adds the record that says that nothing follows.
    func sealEnd(into wire: inout WireBuffer) {
        lock.withLock { _ in
            duolog_tls_end(raw)
            takeOutput(into: &wire)
        }
    }

    /// Adds what the library has to say of its own accord: handshakes, alerts, answers.
    func takeUnasked(into wire: inout WireBuffer) {
        lock.withLock { _ in takeOutput(into: &wire) }
    }

    /// Whether there is something for ``takeUnasked(into:)``.
    var hasUnasked: Bool { lock.withLock { _ in raw.pointee.out_count > 0 } }

    /// After the handshake.
    var identity: TLSIdentity { lock.withLock { _ in TLSIdentity(raw) } }

    // MARK: Memory, under the lock

    private func lend(_ bytes: UnsafeRawBufferPointer) {
        raw.pointee.in = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        raw.pointee.in_count = bytes.count
    }

    private func takeBack() -> UnsafeRawBufferPointer {
        defer {
            raw.pointee.in = nil
            raw.pointee.in_count = 0
        }
        return UnsafeRawBufferPointer(start: raw.pointee.in, count: raw.pointee.in_count)
    }

    /// Lets the library write right behind what `wire` holds, unless it has an output of its own
    /// that comes first.
    private func lendOutput(_ wire: inout WireBuffer, byteCount: Int) {
        takeOutput(into: &wire)
        wire.reserve(byteCount)
        raw.pointee.out = wire.base!.assumingMemoryBound(to: UInt8.self)
        raw.pointee.out_count = wire.count
        raw.pointee.out_capacity = wire.capacity
        wire.forget()
    }

    private func takeOutput(into wire: inout WireBuffer) {
        guard let out = raw.pointee.out else { return }
        wire.take(
            UnsafeMutableRawPointer(out), count: raw.pointee.out_count,
            capacity: raw.pointee.out_capacity)
        raw.pointee.out = nil
        raw.pointee.out_count = 0
        raw.pointee.out_capacity = 0
    }
}
