import Model
import Platform

/// Segment files that are open and index pages that were read, the latest used last: a bounded
/// number of each, however many segments there are.
struct SegmentCache {
    let folder: String
    let folderID: [UInt8]
    let fileSystem: any FileSystem
    /// What was found damaged since it was asked last.
    private(set) var damage: [ReplayReport.Damage] = []

    private var files: [SegmentFile] = []
    private var pages: [(segment: SegmentDescriptor, place: Int, page: SegmentPage)] = []
    /// Segments whose index had to be made again, and those that have no file.
    private var repaired: [SegmentDescriptor: SegmentIndex] = [:]
    private var missing: Set<UInt64> = []
    /// Made again from the batches, where it was damaged.
    private var foundTransactions: [SegmentDescriptor: TransactionIndex] = [:]

    private static let fileLimit = 64
    private static let pageLimit = 32

    init(folder: String, folderID: [UInt8], fileSystem: any FileSystem) {
        self.folder = folder
        self.folderID = folderID
        self.fileSystem = fileSystem
    }

    mutating func takeDamage() -> [ReplayReport.Damage] {
        defer { damage = [] }
        return damage
    }

    /// Lets go of files that are no longer needed.
    mutating func forget(_ numbers: some Sequence<UInt64>) {
        let gone = Set(numbers)
        if gone.isEmpty { return }
        files.removeAll { gone.contains($0.number) }
        pages.removeAll { gone.contains($0.segment.file) }
        repaired = repaired.filter { !gone.contains($0.key.file) }
        foundTransactions = foundTransactions.filter { !gone.contains($0.key.file) }
        missing.subtract(gone)
    }

    /// Nil where there is no such file, which is told once.
    ///
    /// - Throws: `failed`.
    mutating func file(_ number: UInt64) throws(StorageError) -> SegmentFile? {
        if let place = files.lastIndex(where: { $0.number == number }) {
            if place != files.count - 1 { files.append(files.remove(at: place)) }
            return files[files.count - 1]
        }
        if missing.contains(number) { return nil }
        do throws(SystemError) {
            let file = try SegmentFile(
                number: number, folder: folder, folderID: folderID, on: fileSystem)
            if files.count == Self.fileLimit { files.removeFirst() }
            files.append(file)
            return file
        } catch {
            guard error.isMissing else { throw .failed(error) }
            missing.insert(number)
            tell(.segmentFile, folder + "/" + SegmentFormat.name(number), 0..<0, nil)
            return nil
        }
    }

    /// Nil where nothing of the segment's index or batches is left there.
    mutating func page(
        _ place: Int, of segment: SegmentDescriptor
    ) throws(StorageError) -> SegmentPage? {
        if let found = pages.lastIndex(where: { $0.place == place && $0.segment == segment }) {
            if found != pages.count - 1 { pages.append(pages.remove(at: found)) }
            return pages[pages.count - 1].page
        }
        guard var index = try index(of: segment), place < index.pageCount else { return nil }
        let page: SegmentPage
        do { page = try index.page(place) } catch .damaged { return nil }
        keep(index)
        if pages.count == Self.pageLimit { pages.removeFirst() }
        pages.append((segment, place, page))
        return page
    }

    mutating func pageCount(of segment: SegmentDescriptor) -> Int {
        repaired[segment]?.pageCount ?? segment.pageCount
    }

    /// The page to begin with when looking for `offset`.
    mutating func firstPage(
        holding offset: Offset, of segment: SegmentDescriptor
    ) throws(StorageError) -> Int {
        guard var index = try index(of: segment) else { return 0 }
        let page = try index.firstPage { $0.baseOffset > offset } - 1
        keep(index)
        return max(0, page)
    }

    /// The first page for which `belongs` is true, where it stays true behind it.
    mutating func firstPage(
        of segment: SegmentDescriptor, where belongs: (SegmentPage.Head) -> Bool
    ) throws(StorageError) -> Int {
        guard var index = try index(of: segment) else { return 0 }
        let page = try index.firstPage(where: belongs)
        keep(index)
        return page
    }

    /// What a segment says of transactions. Where that is damaged its batches are read once, and this
    /// is told; where its file is missing, nothing.
    ///
    /// - Throws: `failed`.
    mutating func transactions(
        of segment: SegmentDescriptor
    ) throws(StorageError) -> TransactionIndex {
        if let known = foundTransactions[segment] { return known }
        guard let file = try file(segment.file) else { return TransactionIndex() }
        if let transactions = try file.transactions(of: segment) { return transactions }
        var found = TransactionIndex()
        do { found = try SegmentReader(segment, file: file).findTransactions() } catch {
            guard case .damaged = error else { throw error }
        }
        foundTransactions[segment] = found
        tell(
            .index, file.path,
            segment.indexOffset..<segment.indexOffset + segment.indexByteCount, segment)
        return found
    }

    private mutating func index(of segment: SegmentDescriptor) throws(StorageError) -> SegmentIndex? {
        if let known = repaired[segment] { return known }
        guard let file = try file(segment.file) else { return nil }
        return SegmentIndex(file: file, segment: segment)
    }

    private mutating func keep(_ index: SegmentIndex) {
        guard let outcome = index.repaired, repaired[index.segment] == nil else { return }
        repaired[index.segment] = index
        pages.removeAll { $0.segment == index.segment }
        tell(
            .index, index.file.path,
            index.segment.indexOffset..<index.segment.indexOffset + index.segment.indexByteCount,
            index.segment)
        for range in outcome.lost { tell(.payload, index.file.path, range, index.segment) }
    }

    private mutating func tell(
        _ reason: ReplayReport.Reason, _ path: String, _ range: Range<Int>,
        _ segment: SegmentDescriptor?
    ) {
        damage.append(
            .init(
                path: path, offset: range.lowerBound, byteCount: range.count, reason: reason,
                frame: segment.map(FrameHeader.init)))
    }

    /// A batch that is not what was written.
    mutating func tellDamaged(_ batch: StoredBatch, _ path: String, at offset: Int) {
        let known = damage.contains { $0.path == path && $0.offset == offset }
        if known { return }
        damage.append(
            .init(
                path: path, offset: offset, byteCount: batch.byteCount, reason: .payload,
                frame: FrameHeader(
                    kind: .batch, log: batch.log, baseOffset: batch.baseOffset,
                    lastOffset: batch.lastOffset, appendTime: batch.appendTime,
                    payloadByteCount: batch.byteCount)))
    }
}

extension FrameHeader {
    init(_ segment: SegmentDescriptor) {
        self.init(
            kind: .batch, log: segment.log, baseOffset: segment.baseOffset,
            lastOffset: segment.lastOffset, appendTime: segment.firstAppendTime,
            payloadByteCount: segment.byteCount)
    }
}
