extension EventLoop {
    /// Makes sure that the stage of this loop for `connection` has room for `byteCount` more bytes.
    @inlinable
    public func reserve(
        _ byteCount: Int, in stage: UnsafeMutablePointer<OutputStage>, of connection: Connection
    ) {
        if stage.pointee.count &+ byteCount > stage.pointee.capacity {
            makeRoom(byteCount, in: stage, of: connection)
        }
    }

    /// The slow path of ``reserve(_:in:of:)``: at a connection's first bytes of a turn, and when a
    /// block is full.
    @inline(never)
    public func makeRoom(
        _ byteCount: Int, in stage: UnsafeMutablePointer<OutputStage>, of connection: Connection
    ) {
        guard let base = stage.pointee.base else {
            if dirty.count >= Self.dirtyLimit { flushDirty() }
            dirty.append(connection)
            if connection.isCongested { congestedReceiver = connection }
            return take(byteCount, for: stage)
        }
        let count = stage.pointee.count
        if stage.pointee.capacity < BlockPool.largeCapacity,
            count + byteCount <= BlockPool.largeCapacity
        {
            // More than a few small messages: they move to a large block.
            let small = stage.pointee
            take(BlockPool.largeCapacity, for: stage)
            stage.pointee.base!.copyMemory(from: base, byteCount: count)
            stage.pointee.count = count
            pool.recycle(base, capacity: small.capacity)
            return
        }
        connection.hand(
            OutputBlock(
                base: base, sent: 0, count: count, capacity: stage.pointee.capacity, owner: nil),
            on: self)
        if connection.isCongested { congestedReceiver = connection }
        take(max(byteCount, BlockPool.largeCapacity), for: stage)
    }

    /// Gives a stage whose block was handed over an empty one; the connection is marked already.
    func restage(in stage: UnsafeMutablePointer<OutputStage>, of connection: Connection) {
        take(1, for: stage)
    }

    private func take(_ byteCount: Int, for stage: UnsafeMutablePointer<OutputStage>) {
        let (base, capacity) = pool.take(byteCount)
        stage.pointee = OutputStage(base: base, count: 0, capacity: capacity)
    }
}
