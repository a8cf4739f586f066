import DequeModule
import Glibc
import Platform
import Synchronization

/// Writing through a filter. Blocks wait as their producers have made them; who writes to the
/// socket frames and seals as much as one system call takes, and more of it when that is gone. So
/// a slow reader costs what it costs without a filter, and one piece of wire bytes.
extension Connection {
    private enum Take { case blocks([OutputBlock]), nothing(AfterWrite) }

    /// `block` goes out, and nothing waits before it. Called with `isWriting` taken.
    func writeFirst(_ block: OutputBlock, _ filter: ConnectionFilter, on current: EventLoop) {
        // The usual case does without the queue.
        let isSimple = !filter.isHeld && filter.wire.base == nil
        if isSimple, block.remaining <= FilterMemory.sliceByteCount {
            filter.wire = current.filterMemory.takeWire()
            guard encode(CollectionOfOne(block), filter, on: current) else {
                return go(giveUp(), on: current)
            }
        } else {
            output.withLock { $0.blocks.prepend(block) }
        }
        writeThroughFilter(filter, on: current)
    }

    /// Writes what waits. Called with `isWriting` taken.
    func writeThroughFilter(_ filter: ConnectionFilter, on current: EventLoop) {
        while true {
            if filter.wire.remaining > 0 {
                let sent = socket.send(
                    filter.wire.base! + filter.wire.sent, count: filter.wire.remaining)
                if sent < 0, sent != -Int(EAGAIN) { return go(giveUp(), on: current) }
                if sent > 0 {
                    filter.wire.advanceSent(sent)
                    pending.subtract(sent, ordering: .relaxed)
                    progressNanoseconds.store(current.monotonicNanoseconds, ordering: .relaxed)
                }
                if filter.wire.remaining > 0 {
                    // Before anybody else may write.
                    if filter.wire.capacity > 2 * filter.wire.remaining {
                        var rest = filter.wire.split()
                        swap(&rest, &filter.wire)
                        current.filterMemory.recycle(&rest)
                    }
                    let next = output.withLock { queue in queue.afterPartialWrite() }
                    guard case .writeMore = next else { return go(next, on: current) }
                    continue
                }
            }
            if filter.wire.base != nil { current.filterMemory.recycle(&filter.wire) }
            switch takeBlocks(filter) {
            case .nothing(let next): return go(next, on: current)
            case .blocks(let blocks):
                filter.wire = current.filterMemory.takeWire()
                guard encode(blocks, filter, on: current) else { return go(giveUp(), on: current) }
                if filter.wire.count == 0 { current.filterMemory.recycle(&filter.wire) }
            }
        }
    }

    /// What goes out next, as much as fits into one slice and at least one block. Nothing: says
    /// what to do instead, and that nobody writes any more.
    private func takeBlocks(_ filter: ConnectionFilter) -> Take {
        output.withLock { queue in
            if queue.isClosed {
                queue.isWriting = false
                return .nothing(.closeSocket)
            }
            var blocks: [OutputBlock] = []
            var byteCount = 0
            while let first = queue.blocks.first, !filter.isHeld || first.content == .raw,
                blocks.isEmpty || byteCount + first.remaining <= FilterMemory.sliceByteCount
            {
                blocks.append(queue.blocks.removeFirst())
                byteCount += first.remaining
            }
            if !blocks.isEmpty || queue.hasUnasked {
                queue.hasUnasked = false
                return .blocks(blocks)
            }
            return .nothing(queue.afterLastWrite(isHeld: filter.isHeld))
        }
    }

    /// Frames and seals `blocks` behind each other into the wire buffer. A block that is too long
    /// goes back to the front, with what was taken of it gone.
    @inline(__always)
    private func encode(
        _ blocks: some Collection<OutputBlock>, _ filter: ConnectionFilter, on current: EventLoop
    ) -> Bool {
        var contentCount = 0
        var isSealed = true
        filter.tls?.takeUnasked(into: &filter.wire)
        for var block in blocks {
            guard isSealed else {
                drop(block, on: current)
                continue
            }
            let count = min(block.remaining, FilterMemory.sliceByteCount)
            isSealed = encode(
                block.base + block.sent, count, block.content, filter, current.filterMemory)
            guard isSealed else {
                drop(block, on: current)
                continue
            }
            contentCount += count
            block.sent += count
            if block.remaining > 0 {
                let rest = block
                output.withLock { $0.blocks.prepend(rest) }
            } else {
                current.pool.recycle(block)
            }
        }
        // What waits is counted as it is: from now on with frames and records around it.
        pending.add((isSealed ? filter.wire.count : 0) - contentCount, ordering: .relaxed)
        return isSealed
    }

    private func encode(
        _ bytes: UnsafeRawPointer, _ count: Int, _ content: OutputBlock.Content,
        _ filter: ConnectionFilter, _ memory: FilterMemory
    ) -> Bool {
        guard content != .raw else {
            filter.wire.append(bytes, count: count)
            return true
        }
        guard content != .endOfTLS else {
            filter.tls?.sealEnd(into: &filter.wire)
            return true
        }
        guard let framer = filter.framer, content == .content else {
            return seal(bytes, count, filter)
        }
        guard filter.tls != nil else {
            framer.frame(bytes, count, into: &filter.wire, memory.deflater)
            return true
        }
        memory.framed.clear()
        framer.frame(bytes, count, into: &memory.framed, memory.deflater)
        return seal(memory.framed.base!, memory.framed.count, filter)
    }

    private func seal(
        _ bytes: UnsafeRawPointer, _ count: Int, _ filter: ConnectionFilter
    ) -> Bool {
        if count == 0 { return true }
        if let tls = filter.tls { return tls.seal(bytes, count: count, into: &filter.wire) }
        filter.wire.append(bytes, count: count)
        return true
    }

    private func giveUp() -> AfterWrite {
        output.withLock { queue in
            queue.isWriting = false
            return queue.isClosed ? .closeSocket : .failed
        }
    }

    // MARK: What is not the handler's

    /// Puts bytes of the filter's own behind what waits. On the loop.
    func enqueue(_ bytes: [UInt8], _ content: OutputBlock.Content) {
        // Small pieces share a block: who asks for answers and does not read them must not get
        // more memory than bytes.
        let isMerged = output.withLock { queue in
            guard let last = queue.blocks.indices.last, queue.blocks[last].content == content,
                queue.blocks[last].room >= bytes.count, content == .framed
            else { return false }
            let end = queue.blocks[last].base + queue.blocks[last].count
            bytes.withUnsafeBytes { end.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            queue.blocks[last].count += bytes.count
            return true
        }
        if isMerged {
            let before = pending.add(bytes.count, ordering: .relaxed).oldValue
            if before > pendingLimit { fail(.slowReader, from: loop) }
            return
        }
        let (base, capacity) = loop.pool.take(max(bytes.count, 1))
        bytes.withUnsafeBytes { raw in
            if let start = raw.baseAddress { base.copyMemory(from: start, byteCount: raw.count) }
        }
        enqueue(
            OutputBlock(
                base: base, sent: 0, count: bytes.count, capacity: capacity, owner: nil,
                content: content))
    }

    /// What was written so far, on the loop, goes out as it is, before all else that is written.
    func flushInTheClear() {
        output.withLock { queue in
            for index in queue.blocks.indices { queue.blocks[index].content = .raw }
        }
        let stage = stage(of: loop.index)
        if stage.pointee.base != nil {
            var block = takeBlock(stage)
            block.content = .raw
            enqueue(block)
        }
        writeQueueIfPossible(on: loop)
    }

    /// What waits for a handshake that will not come to its end.
    func dropHeldOutput() {
        let blocks = output.withLock { queue in
            let held = queue.blocks.filter { $0.content != .raw }
            queue.blocks.removeAll { $0.content != .raw }
            return held
        }
        for block in blocks { drop(block, on: loop) }
    }
}

extension OutputQueue {
    /// The socket did not take all of the wire bytes.
    fileprivate mutating func afterPartialWrite() -> AfterWrite {
        if isClosed {
            isWriting = false
            return .closeSocket
        }
        if becameWritable {
            becameWritable = false
            return .writeMore
        }
        isWriting = false
        isBlocked = true
        return .rest
    }

    /// All of the wire bytes are gone, and there are no blocks that may follow.
    fileprivate mutating func afterLastWrite(isHeld: Bool) -> AfterWrite {
        isWriting = false
        isBlocked = false
        becameWritable = false
        guard blocks.isEmpty, tellsWhenEmpty else { return .rest }
        tellsWhenEmpty = false
        return .tellEmpty
    }
}
