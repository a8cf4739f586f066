import Bytes
import Glibc
import Platform

/// Reading through a filter: one read of the socket, opened and unframed into the memory that the
/// handler is given.
extension Connection {
    func readThroughFilter(_ filter: ConnectionFilter) {
        let memory = loop.filterMemory
        let count = socket.read(into: memory.raw, capacity: FilterMemory.readByteCount)
        if count > 0 {
            lastReceivedNanoseconds = loop.monotonicNanoseconds
            receive(UnsafeRawBufferPointer(start: memory.raw, count: count), filter)
            if count == FilterMemory.readByteCount || peerHungUp { becomeReady() }
        } else if count == 0 {
            peerIsGone(filter)
        } else if count != -Int(EAGAIN) {
            fail(.failed, from: loop)
        }
    }

    private func peerIsGone(_ filter: ConnectionFilter) {
        if filter.awaitsTLS {
            failure = .handshake("EOF")
            endReason = endReason ?? .handshakeFailed
        }
        endReason = endReason ?? .peerClosed
        end(.closing)
    }

    /// Source: RFC 8446 section 5.1, the first byte of a record of type handshake.
    private static let handshakeRecord: UInt8 = 0x16

    private func receive(_ bytes: UnsafeRawBufferPointer, _ filter: ConnectionFilter) {
        switch filter.stage {
        case .undecided: startTLS(filter)
        case .expectsTLS:
            if bytes[0] != Self.handshakeRecord, filter.plan.tls!.allowsPlain { return goOnInTheClear(bytes) }
            startTLS(filter)
        case .handshake, .upgrade, .open: break
        }
        guard state == .open else { return }
        guard let tls = filter.tls else { return received(bytes, filter) }
        if filter.isUntouched, bytes[0] != Self.handshakeRecord { return fail(.notTLS) }
        filter.isUntouched = false
        var bytes = bytes
        if filter.stage == .handshake {
            switch tls.handshake(&bytes) {
            case nil: finishHandshake(filter)
            case .wantsMore: break
            case .end: peerIsGone(filter)
            case .failed(let reason): return fail(.handshake(reason))
            }
            sendUnasked()
            guard state == .open, filter.stage != .handshake else { return }
        }
        open(bytes, tls, filter)
    }

    /// A client that may speak without TLS does.
    private func goOnInTheClear(_ bytes: UnsafeRawBufferPointer) {
        if let filter { open(filter) }
        filter = nil
        let (memory, carried) = inputMemory(bytes.count)
        (memory + carried).copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
        take(memory, carried: carried, added: bytes.count)
    }

    private func open(
        _ bytes: UnsafeRawBufferPointer, _ tls: TLSSession, _ filter: ConnectionFilter
    ) {
        let bound = TLSSession.openedBound(bytes.count)
        let next: TLSSession.Outcome
        if filter.stage == .open, filter.webSocket == nil {
            let (memory, carried) = inputMemory(bound)
            let (count, outcome) = tls.open(bytes, into: memory + carried, capacity: bound)
            if count > 0 { take(memory, carried: carried, added: count) }
            next = outcome
        } else {
            let memory = loop.filterMemory.opened
            let (count, outcome) = tls.open(bytes, into: memory, capacity: bound)
            if count > 0 { received(UnsafeRawBufferPointer(start: memory, count: count), filter) }
            next = outcome
        }
        sendUnasked()
        guard state == .open else { return }
        switch next {
        case .wantsMore: break
        case .end: peerIsGone(filter)
        case .failed(let reason): fail(.tls(reason))
        }
    }

    /// What is left when TLS is taken off: a request to upgrade, or frames.
    private func received(_ bytes: UnsafeRawBufferPointer, _ filter: ConnectionFilter) {
        var bytes = bytes
        if filter.stage == .upgrade {
            readUpgrade(&bytes, filter)
            guard state == .open, filter.stage == .open else { return }
        }
        if bytes.count > 0 { readFrames(bytes, filter) }
    }
}
