extension WriteAheadLog {
    /// How many bytes of frames, headers included, can be appended now without asking the disk for
    /// room.
    public var reservedByteCount: Int {
        guard phase == .running, !isReservationDue, file != nil else { return 0 }
        return max(capacity - WALFrame.headerByteCount - position, 0)
    }

    /// Sees to it that a frame of `byteCount` bytes, its header included, can be appended:
    /// ``reservedByteCount`` is at least as much when this returns.
    ///
    /// - Throws: as ``append(_:_:)``; nothing has changed then.
    public func reserveRoom(for byteCount: Int) throws(StorageError) {
        let needed = byteCount + 2 * WALFrame.headerByteCount
        if reservedByteCount < needed { try makeRoom(for: needed) }
    }
}
