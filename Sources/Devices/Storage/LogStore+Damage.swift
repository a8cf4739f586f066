import Model

extension LogStore {
    /// Whether ``takeDamage()`` has something to tell.
    public var hasNewDamage: Bool { !newDamage.isEmpty || !segmentCache.damage.isEmpty }

    /// Damage that was found since the last call, while reading or in the background. The same damage is told each time
    /// that somebody comes across it.
    public func takeDamage() -> [ReplayReport.Damage] {
        defer { newDamage = [] }
        return newDamage + segmentCache.takeDamage()
    }

    /// Finds out what it is that a job could not read, for ``takeDamage()``.
    func tellDamage(_ error: StorageError) {
        guard case .damaged(let path, let offset) = error else { return }
        let found = segment(at: offset, inFile: path)
        guard let segment = found, let batch = batch(at: offset, of: segment) else {
            // Looking for it may have found out that there is no batch any more.
            if segmentCache.damage.contains(where: { $0.path == path && $0.offset == offset }) { return }
            // Its index, or a part of the file that is not needed any more.
            newDamage.append(
                .init(
                    path: path, offset: offset, byteCount: found?.indexByteCount ?? 0,
                    reason: .index, frame: found.map(FrameHeader.init)))
            return
        }
        segmentCache.tellDamaged(batch, path, at: offset)
    }

    private func segment(at offset: Int, inFile path: String) -> SegmentDescriptor? {
        for index in logs.values {
            for segment in index.segments
            where self.path(of: segment) == path
                && (segment.dataOffset..<segment.indexOffset + segment.indexByteCount).contains(offset)
            {
                return segment
            }
        }
        return nil
    }

    private func batch(at offset: Int, of segment: SegmentDescriptor) -> StoredBatch? {
        guard offset < segment.dataEnd else { return nil }
        for place in 0..<segmentCache.pageCount(of: segment) {
            // A page that cannot be read is told by reading it.
            guard let page = try? segmentCache.page(place, of: segment) else { continue }
            for entry in page.entries where entry.dataOffset == offset {
                return StoredBatch(entry, of: segment)
            }
        }
        return nil
    }
}
