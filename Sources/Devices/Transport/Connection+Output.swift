import DequeModule
import Glibc
import Platform
import Synchronization

/// The blocks that the kernel did not take yet, in order. Behind a lock, since any loop may write.
struct OutputQueue: ~Copyable {
    var blocks = Deque<OutputBlock>()
    /// Some thread is in a system call with this socket, and will look at the queue when it is
    /// back.
    var isWriting = false
    /// The socket became writable meanwhile.
    var becameWritable = false
    /// The socket was full, and has not become writable since.
    var isBlocked = false
    var isClosed = false
    var isOverfull = false
    var tellsWhenEmpty = false
    /// The TLS library has something to say of its own accord.
    var hasUnasked = false
}

extension Connection {
    @inlinable
    public func stage(of loopIndex: Int) -> UnsafeMutablePointer<OutputStage> {
        // One initialized stage for each loop, for as long as the connection lives.
        (stages + OutputStage.stride * loopIndex).assumingMemoryBound(to: OutputStage.self)
    }

    /// Sends `bytes` at the end of the turn. On the connection's own loop.
    public func write(_ bytes: RawSpan) { write(bytes, from: loop) }

    /// Sends `bytes` at the end of the turn of `current`, the loop that calls.
    public func write(_ bytes: RawSpan, from current: EventLoop) {
        let count = bytes.byteCount
        if count == 0 { return }
        let stage = stage(of: current.index)
        current.reserve(count, in: stage, of: self)
        bytes.withUnsafeBytes {
            (stage.pointee.base! + stage.pointee.count)
                .copyMemory(from: $0.baseAddress!, byteCount: count)
        }
        stage.pointee.count += count
    }

    /// Sends `bytes` at the end of the turn; long ones are not copied. On the connection's own
    /// loop.
    public func write(_ bytes: [UInt8]) {
        guard bytes.count >= 32 << 10 else { return write(bytes.span.bytes) }
        enqueueStaged()
        enqueue(OutputOwner(bytes))
    }

    func enqueue(_ owner: OutputOwner) {
        enqueue(
            OutputBlock(
                base: owner.base, sent: 0, count: owner.count,
                capacity: owner.region == nil ? owner.count : 0, owner: owner))
    }

    /// What was staged goes before what is enqueued next.
    func enqueueStaged() {
        let stage = stage(of: loop.index)
        // Marks the connection, even if the stage stays empty.
        loop.reserve(1, in: stage, of: self)
        guard stage.pointee.count > 0 else { return }
        let block = takeBlock(stage)
        enqueue(block)
        loop.restage(in: stage, of: self)
    }

    func takeBlock(_ stage: UnsafeMutablePointer<OutputStage>) -> OutputBlock {
        let block = OutputBlock(
            base: stage.pointee.base!, sent: 0, count: stage.pointee.count,
            capacity: stage.pointee.capacity, owner: nil)
        stage.pointee = OutputStage(base: nil, count: 0, capacity: 0)
        return block
    }

    /// Puts a block behind what waits, without writing. The next flush does that.
    func enqueue(_ block: OutputBlock) {
        let before = pending.add(block.count, ordering: .relaxed).oldValue
        if before == 0 {
            progressNanoseconds.store(loop.monotonicNanoseconds, ordering: .relaxed)
        }
        if before > pendingLimit { fail(.slowReader, from: loop) }
        let isClosed = output.withLock { queue in
            if !queue.isClosed { queue.blocks.append(block) }
            return queue.isClosed
        }
        if isClosed { drop(block, on: loop) }
    }

    /// Hands over what `current` has staged, and writes it unless others wait before it.
    func flushStage(of current: EventLoop) {
        let stage = stage(of: current.index)
        guard stage.pointee.base != nil else { return }
        DeliveryCounters.beside(stage).pointee.markFlush(current.monotonicNanoseconds)
        let block = takeBlock(stage)
        if block.count == 0 {
            current.pool.recycle(block)
            writeQueueIfPossible(on: current)
        } else {
            hand(block, on: current)
        }
    }

    /// Any loop's thread.
    func hand(_ block: OutputBlock, on current: EventLoop) {
        enum Turn { case closed, queued(merged: Bool, writes: Bool), overfull, write }
        let before = pending.add(block.count, ordering: .relaxed).oldValue
        if before == 0 {
            progressNanoseconds.store(current.monotonicNanoseconds, ordering: .relaxed)
        }
        let limit = pendingLimit
        let turn = output.withLock { queue -> Turn in
            if queue.isClosed { return .closed }
            guard queue.isWriting || queue.isBlocked || !queue.blocks.isEmpty else {
                queue.isWriting = true
                return .write
            }
            if before + block.count > limit {
                if queue.isOverfull { return .closed }
                queue.isOverfull = true
                return .overfull
            }
            let writes = !queue.isWriting && !queue.isBlocked
            if writes { queue.isWriting = true }
            // Small pieces for a slow reader share a block.
            if let last = queue.blocks.indices.last, queue.blocks[last].room >= block.count,
                queue.blocks[last].content == block.content
            {
                (queue.blocks[last].base + queue.blocks[last].count)
                    .copyMemory(from: block.base, byteCount: block.count)
                queue.blocks[last].count += block.count
                return .queued(merged: true, writes: writes)
            }
            queue.blocks.append(block)
            return .queued(merged: false, writes: writes)
        }
        switch turn {
        case .closed: drop(block, on: current)
        case .overfull:
            drop(block, on: current)
            fail(.slowReader, from: current)
        case .queued(let merged, let writes):
            if merged { current.pool.recycle(block) }
            if writes { writeQueue(on: current) }
        case .write: write(block, on: current)
        }
    }

    func drop(_ block: OutputBlock, on current: EventLoop) {
        pending.subtract(block.remaining, ordering: .relaxed)
        current.pool.recycle(block)
    }

    /// The usual case: one block, one system call. Called with `isWriting` taken.
    private func write(_ block: OutputBlock, on current: EventLoop) {
        if let filter { return writeFirst(block, filter, on: current) }
        let sent = socket.send(block.base + block.sent, count: block.remaining)
        if sent == block.remaining {
            pending.subtract(sent, ordering: .relaxed)
            current.pool.recycle(block)
            let next = output.withLock { queue -> AfterWrite in queue.afterWrite(progressed: true) }
            return go(next, on: current)
        }
        var rest = block
        if sent > 0 {
            rest.sent += sent
            pending.subtract(sent, ordering: .relaxed)
            progressNanoseconds.store(current.monotonicNanoseconds, ordering: .relaxed)
        } else if sent != -Int(EAGAIN) {
            drop(block, on: current)
            let next = output.withLock { queue -> AfterWrite in
                queue.isWriting = false
                return queue.isClosed ? .closeSocket : .failed
            }
            return go(next, on: current)
        }
        let next = output.withLock { queue -> AfterWrite in
            queue.blocks.prepend(rest)
            return queue.afterWrite(progressed: false)
        }
        go(next, on: current)
    }

    func go(_ next: AfterWrite, on current: EventLoop) {
        switch next {
        case .rest: break
        case .writeMore: writeQueue(on: current)
        case .writeLater: loop.post { [self] in writeQueueIfPossible(on: loop) }
        case .tellEmpty: tellEmpty(from: current)
        case .closeSocket: discardQueueAndClose(on: current)
        case .failed: fail(.failed, from: current)
        }
    }

    /// The socket has room again.
    func socketIsWritable() {
        output.withLock { queue in
            queue.isBlocked = false
            queue.becameWritable = queue.isWriting
        }
        writeQueueIfPossible(on: loop)
    }

    func writeQueueIfPossible(on current: EventLoop) {
        let writes = output.withLock { queue -> Bool in
            if queue.isWriting || queue.isBlocked || queue.isClosed { return false }
            if queue.blocks.isEmpty, !queue.hasUnasked { return false }
            queue.isWriting = true
            return true
        }
        if writes { writeQueue(on: current) }
    }

    /// Writes what waits, several blocks a system call. Called with `isWriting` taken.
    func writeQueue(on current: EventLoop) {
        if let filter { return writeThroughFilter(filter, on: current) }
        let limit = 64
        var blocks: [OutputBlock] = []
        var pieces: [iovec] = []
        while true {
            let region = output.withLock { queue -> FileRegion? in
                queue.becameWritable = false
                while blocks.count < limit, let block = queue.blocks.first {
                    // The kernel takes a file by itself.
                    if let region = block.file { return region }
                    blocks.append(block)
                    queue.blocks.removeFirst()
                }
                return nil
            }
            if let region, blocks.isEmpty {
                guard writeFile(region, on: current) else { return }
                continue
            }
            pieces.removeAll(keepingCapacity: true)
            for block in blocks {
                pieces.append(iovec(iov_base: block.base + block.sent, iov_len: block.remaining))
            }
            let sent = socket.send(&pieces, pieceCount: pieces.count, moreFollows: region != nil)
            if sent < 0, sent != -Int(EAGAIN) {
                for block in blocks { drop(block, on: current) }
                let next = output.withLock { queue -> AfterWrite in
                    queue.isWriting = false
                    return queue.isClosed ? .closeSocket : .failed
                }
                return go(next, on: current)
            }
            var left = max(0, sent)
            if left > 0 {
                pending.subtract(left, ordering: .relaxed)
                progressNanoseconds.store(current.monotonicNanoseconds, ordering: .relaxed)
            }
            var done = 0
            while done < blocks.count, left >= blocks[done].remaining {
                left -= blocks[done].remaining
                current.pool.recycle(blocks[done])
                done += 1
            }
            let isComplete = done == blocks.count
            if !isComplete { blocks[done].sent += left }
            let next = output.withLock { queue -> AfterWrite in
                while blocks.count > done { queue.blocks.prepend(blocks.removeLast()) }
                return queue.afterWrite(progressed: isComplete)
            }
            guard case .writeMore = next else { return go(next, on: current) }
            blocks.removeAll(keepingCapacity: true)
        }
    }

    private func tellEmpty(from current: EventLoop) {
        if current === loop {
            finishSending()
        } else {
            loop.post { [self] in finishSending() }
        }
    }

    /// True: there is output that must go first, and ``finishSending()`` will be called when it
    /// has.
    func drainsBeforeEnd() -> Bool {
        output.withLock { queue in
            queue.tellsWhenEmpty =
                queue.isWriting || queue.isBlocked || queue.hasUnasked || !queue.blocks.isEmpty
            return queue.tellsWhenEmpty
        }
    }

    /// Closes the descriptor, at once or as soon as no other thread uses it.
    func closeSocket() {
        socket.shutdownBoth()
        let mustWait = output.withLock { queue in
            queue.isClosed = true
            return queue.isWriting
        }
        if !mustWait { discardQueueAndClose(on: loop) }
    }

    private func discardQueueAndClose(on current: EventLoop) {
        let blocks = output.withLock { queue in
            let blocks = queue.blocks
            queue.blocks = Deque()
            return blocks
        }
        FreeMemory.count(blocks.reduce(0) { $0 + $1.capacity })
        for block in blocks { drop(block, on: current) }
        socket.close()
    }
}

/// What the thread that wrote has to do next.
enum AfterWrite {
    case rest, writeMore, tellEmpty, closeSocket, failed
    /// Others on the loop have their turn first.
    case writeLater
}

extension OutputQueue {
    /// - Parameter progressed: all that was given to the kernel was taken.
    mutating func afterWrite(progressed: Bool) -> AfterWrite {
        if isClosed {
            isWriting = false
            return .closeSocket
        }
        if blocks.isEmpty {
            isWriting = false
            isBlocked = false
            blocks = Deque()
            if tellsWhenEmpty {
                tellsWhenEmpty = false
                return .tellEmpty
            }
            return .rest
        }
        if progressed || becameWritable { return .writeMore }
        isWriting = false
        isBlocked = true
        return .rest
    }
}
