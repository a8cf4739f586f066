import Glibc
import Platform

/// What of a connection's input was not consumed yet: nothing, for most connections at most times.
struct HeldInput {
    var base: UnsafeMutableRawPointer?
    var count = 0
    var capacity = 0

    mutating func deallocate() {
        base?.deallocate()
        self = HeldInput()
    }

    /// Makes room for `more` bytes behind what is held.
    mutating func reserve(_ more: Int) {
        guard capacity - count < more else { return }
        let grown = max(count + more, capacity * 2)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
        if let base {
            memory.copyMemory(from: base, byteCount: count)
            base.deallocate()
        }
        base = memory
        capacity = grown
    }

    mutating func set(_ bytes: UnsafeRawPointer, count: Int) {
        if capacity < count || capacity > EventLoop.carryByteCount {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
            memory.copyMemory(from: bytes, byteCount: count)
            deallocate()
            base = memory
            capacity = count
        } else {
            base!.copyMemory(from: bytes, byteCount: count)
        }
        self.count = count
    }
}

extension Connection {
    /// Stops reading. What the handler did not consume is kept.
    public func pauseReading() { isReadingPaused = true }

    /// Goes on reading, first with what is kept.
    public func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        mustRedeliver = held.count > 0
        // Events that came meanwhile are not repeated, so the socket is looked at in any case.
        becomeReady()
    }

    func becomeReady() {
        guard !isInReady, state == .open else { return }
        isInReady = true
        loop.ready.append(self)
    }

    /// One share of reading: what is kept, or one read's worth. The socket is polled edge
    /// triggered, so if there may be more, the connection comes again in the next turn.
    func readTurn() {
        guard state == .open else {
            if state == .lingering { discardInput() }
            return
        }
        if isReadingPaused { return }
        if mustRedeliver {
            mustRedeliver = false
            deliver(held.base!, held.count)
            return becomeReady()
        }
        if let filter { return readThroughFilter(filter) }
        let memory: UnsafeMutableRawPointer
        let room: Int
        let carried = held.count
        if carried <= EventLoop.carryByteCount {
            memory = loop.scratch
            if carried > 0 { memory.copyMemory(from: held.base!, byteCount: carried) }
            room = EventLoop.readByteCount
        } else {
            // A long message: read in place, so that it is not copied again and again.
            held.reserve(EventLoop.readByteCount / 4)
            memory = held.base!
            room = held.capacity - carried
        }
        let count = socket.read(into: memory + carried, capacity: room)
        if count > 0 {
            lastReceivedNanoseconds = loop.monotonicNanoseconds
            held.count = memory == loop.scratch ? held.count : carried + count
            deliver(memory, carried + count)
            // A short read has emptied the socket; what comes later is an event of its own.
            if count == room || peerHungUp { becomeReady() }
        } else if count == 0 {
            endReason = endReason ?? .peerClosed
            end(.closing)
        } else if count != -Int(EAGAIN) {
            fail(.failed, from: loop)
        }
    }

    /// Memory for `byteCount` more bytes of input, behind `carried` that are there.
    func inputMemory(
        _ byteCount: Int
    ) -> (memory: UnsafeMutableRawPointer, carried: Int) {
        let carried = held.count
        if carried <= EventLoop.carryByteCount, byteCount <= EventLoop.readByteCount {
            if carried > 0 { loop.scratch.copyMemory(from: held.base!, byteCount: carried) }
            return (loop.scratch, carried)
        }
        held.reserve(byteCount)
        return (held.base!, carried)
    }

    /// Takes what was put into that memory; keeps it where reading was paused meanwhile.
    func take(_ memory: UnsafeMutableRawPointer, carried: Int, added: Int) {
        if memory != loop.scratch { held.count = carried + added }
        guard isReadingPaused || mustRedeliver else { return deliver(memory, carried + added) }
        if memory == loop.scratch { held.set(memory, count: carried + added) }
        mustRedeliver = !isReadingPaused
    }

    private func deliver(_ memory: UnsafeMutableRawPointer, _ count: Int) {
        guard let handler else { return }
        let consumed = handler.received(
            UnsafeRawBufferPointer(start: memory, count: count).bytes, on: self)
        precondition(0...count ~= consumed, "consumed \(consumed) of \(count) bytes")
        let rest = count - consumed
        if state != .open || rest == 0 {
            held.deallocate()
        } else if memory == held.base, consumed == 0 {
            // All of it stays where it is.
        } else if memory == held.base, rest > EventLoop.carryByteCount {
            memmove(memory, memory + consumed, rest)
            held.count = rest
        } else {
            held.set(memory + consumed, count: rest)
        }
    }

    /// After the last word: reads on only to learn that the peer has closed.
    func discardInput() {
        for _ in 0..<16 {
            let count = socket.read(into: loop.scratch, capacity: EventLoop.readByteCount)
            if count > 0 { continue }
            if count != -Int(EAGAIN) { end(.ended) }
            return
        }
        // A peer that still sends that much is not listening.
        end(.ended)
    }
}
