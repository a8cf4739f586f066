import DequeModule
import Glibc
public import Platform
import Synchronization

/// Sending from files: the bytes go from the page cache to the socket, and never through this process.
extension Connection {
    /// How many stretches of files may wait in all connections, since each may hold a file open.
    private static let regionLimit = 512
    /// How much is sent before others on the loop have their turn.
    private static let byteCountPerTurn = 4 << 20

    /// Whether bytes can be sent from a file now: not where a filter has to see them, and not with too many files waiting.
    public var sendsFiles: Bool { filter == nil && OutputOwner.regionCount < Self.regionLimit }

    /// Sends a stretch of a file at the end of the turn, behind what was written before. On the connection's own loop, and only
    /// where ``sendsFiles`` says so.
    ///
    /// It is counted as what waits for the reader. The file stays open until all of it is sent or the connection has
    /// ended. Where it turns out to be shorter, or cannot be read, the connection ends as `failed`.
    public func write(_ region: FileRegion) {
        precondition(filter == nil, "a filter does not see what is sent from a file")
        guard region.byteCount > 0 else { return }
        enqueueStaged()
        enqueue(OutputOwner(region))
    }

    /// Sends from the file of the first block in the queue. Called with `isWriting` taken.
    ///
    /// - Returns: whether to go on with the queue; false where `isWriting` was given back.
    func writeFile(_ region: FileRegion, on current: EventLoop) -> Bool {
        // Nobody else takes blocks from the front, but the block may go with the connection.
        let block = output.withLock { queue in queue.isClosed ? nil : queue.blocks.popFirst() }
        guard var block else {
            go(output.withLock { queue in queue.afterWrite(progressed: false) }, on: current)
            return false
        }
        var sentNow = 0
        var isTaken = true
        while block.remaining > 0, sentNow < Self.byteCountPerTurn {
            let sent = socket.send(
                file: region.descriptor, offset: region.offset + block.sent,
                count: min(block.remaining, Self.byteCountPerTurn - sentNow))
            if sent == -Int(EAGAIN) {
                isTaken = false
                break
            }
            guard sent > 0 else {
                drop(block, on: current)
                let next = output.withLock { queue -> AfterWrite in
                    queue.isWriting = false
                    return queue.isClosed ? .closeSocket : .failed
                }
                go(next, on: current)
                return false
            }
            block.sent += sent
            sentNow += sent
        }
        if sentNow > 0 {
            pending.subtract(sentNow, ordering: .relaxed)
            progressNanoseconds.store(current.monotonicNanoseconds, ordering: .relaxed)
        }
        let rest = block.remaining > 0 ? block : nil
        let next = output.withLock { queue -> AfterWrite in
            if let rest { queue.blocks.prepend(rest) }
            guard isTaken, rest != nil, !queue.isClosed else {
                return queue.afterWrite(progressed: isTaken)
            }
            queue.isWriting = false
            return .writeLater
        }
        if case .writeMore = next { return true }
        go(next, on: current)
        return false
    }
}
