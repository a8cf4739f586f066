import Bytes
import Model
import Platform

extension WriteAheadLog {
    /// Adds a frame behind all others, in memory; durable when ``durableMark`` has reached
    /// ``appendedMark``.
    ///
    /// Waits for the writer when more than ``Options/pendingByteCountLimit`` bytes would be
    /// pending.
    /// - Throws: `storageFull` when the disk has no room, `failed` when it does not say why not,
    /// `frameTooLarge`,
    ///   `closed`. Nothing was taken then: the log is as it was.
    public func append(
        _ header: FrameHeader, durability: FrameDurability = .sync, _ payload: RawSpan
    ) throws(StorageError) -> WALPosition {
        try append(header, durability: durability, payloadByteCount: payload.byteCount) { memory in
            memory.copy(payload)
        }
    }

    /// As ``append(_:_:)``, with a payload that is built in place: `fill` gets that many bytes and
    /// must set them all.
    public func append(
        _ header: FrameHeader, durability: FrameDurability = .sync, payloadByteCount: Int,
        _ fill: (inout MutableRawSpan) -> Void
    ) throws(StorageError) -> WALPosition {
        guard payloadByteCount <= options.maximumPayloadByteCount else {
            throw .frameTooLarge(
                byteCount: payloadByteCount, limit: options.maximumPayloadByteCount)
        }
        let frame = WALFrame(header, payloadByteCount: payloadByteCount)
        let byteCount = frame.byteCount
        if position + byteCount > claimedEnd || block == nil || block!.remaining < byteCount
            || pendingByteCount + byteCount > options.pendingByteCountLimit
        {
            try makeRoom(for: byteCount)
        }
        let start = WALPosition(file: file!.number, offset: position)
        block!.append(frame, fill)
        position += byteCount
        appendedMark += UInt64(byteCount)
        patience = min(patience, durability.patience)
        if durability.patience <= 0 { syncMark = appendedMark } else { isWriteAwaited = true }
        return start
    }

    /// Sees to it that the file, the claim and the block have room for a frame. Changes nothing
    /// when it throws.
    func makeRoom(for byteCount: Int) throws(StorageError) {
        precondition(phase != .opened, "append before replay")
        guard phase == .running else { throw .closed }
        try holdBack(byteCount)
        if isReservationDue { try reserve(forced: false) }
        // Each file keeps room for the frame that ends it.
        if position + byteCount + WALFrame.headerByteCount > capacity {
            try enterNextFile(for: byteCount)
        }
        if position + byteCount > claimedEnd {
            claim(upTo: position + byteCount)
        }
        if block == nil || block!.remaining < byteCount { openBlock(for: byteCount) }
    }

    /// Waits while too much is pending.
    private func holdBack(_ byteCount: Int) throws(StorageError) {
        guard pendingByteCount + byteCount > options.pendingByteCountLimit else { return }
        submit()
        // A frame larger than the limit waits for all others.
        let room = UInt64(max(options.pendingByteCountLimit - byteCount, 0))
        let target = appendedMark > room ? appendedMark - room : 0
        guard writer.waitUntilWritten(target) else { throw .closed }
    }

    /// Reserves the rest of a file that was there at the start.
    ///
    /// - Throws: `storageFull`; asked again it tries again, but not more often than ten times a
    /// second unless `forced`.
    func reserve(forced: Bool) throws(StorageError) {
        guard let file else { return }
        let now = options.time.monotonicNanoseconds()
        if !forced, let last = lastReservation, now - last.nanoseconds < 100_000_000 {
            throw .from(last.error)
        }
        do {
            capacity = try files.reserve(
                file.handle, max(files.fileByteCount, try file.handle.byteCount()),
                atLeast: position + WALFile.minimumGrowth)
        } catch {
            lastReservation = (now, error)
            throw .from(error)
        }
        isReservationDue = false
        lastReservation = nil
        let prepared = WALFiles.NewFile(file: file, capacity: capacity)
        claimedEnd = space.enter(prepared, position: position) - WALFrame.headerByteCount
    }

    private func enterNextFile(for byteCount: Int) throws(StorageError) {
        let overhead = WALFile.headerByteCount + WALFrame.headerByteCount
        let next = try space.takeNext(byteCount: byteCount + overhead)
        let end = WALFrame(sign: WALFrame.endKind, at: options.time.now())
        if position + end.byteCount > claimedEnd { claim(upTo: position) }
        if block == nil || block!.remaining < end.byteCount { openBlock(for: end.byteCount) }
        block!.append(end) { _ in }
        appendedMark += UInt64(end.byteCount)
        closeBlock()

        file = next.file
        capacity = next.capacity
        position = WALFile.headerByteCount
        claimedEnd = space.enter(next, position: position) - WALFrame.headerByteCount
    }

    /// Makes sure that no zeros are being written before `end`, nor over a mark or an end frame
    /// there.
    private func claim(upTo end: Int) {
        let sign = WALFrame.headerByteCount
        claimedEnd = space.claim(upTo: end + sign) - sign
    }

    /// Room for a few of the largest frames that clients send. Memory is touched as it is filled.
    private static let blockByteCount = 4 << 20

    private func openBlock(for byteCount: Int) {
        closeBlock()
        let standard = Self.blockByteCount
        let reusable = tail.trim(written: writtenMark, reusable: standard)
        if byteCount <= standard, let reusable {
            reusable.reuse(file: file!, fileOffset: position)
            block = reusable
        } else {
            block = WALBlock(
                file: file!, fileOffset: position, capacity: max(standard, byteCount))
        }
    }

    private func closeBlock() {
        guard let block else { return }
        if block.count > submittedCount {
            unsubmitted.append(
                WALExtent(
                    block: block, range: submittedCount..<block.count, patience: patience,
                    isAwaited: isWriteAwaited))
        }
        tail.append(block, endMark: appendedMark)
        self.block = nil
        submittedCount = 0
    }
}
